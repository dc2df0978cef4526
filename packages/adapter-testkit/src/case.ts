/**
 * How to write a suite.
 *
 * 1. A suite is a file `suites/<area>/<topic>.ts` exporting `readonly Case[]`, made with {@link suite}; `registry.ts` lists them all:
 *
 *    export const deleteCases: readonly Case[] = suite('storage', ['storage'], {
 *      delete: {
 *        rule: 'After delete resolved, get gives null.',
 *        why: 'A record that comes back would run a removed job again.',
 *        mistake: 'delete only marks the record, and get does not look at the mark',
 *        async run({ storage, check }) {
 *          await storage.save('jobs', 'a', { n: 1 })
 *          await storage.delete('jobs', 'a')
 *          check.equal(await storage.get('jobs', 'a'), null, 'get after delete')
 *        },
 *      },
 *    })
 *
 * 2. `needs` (of the suite, and more per case) says what the adapter must have: without it the case is n/a, never a pass. Ask
 *    `has('broker.size')` for what only adds to a case.
 * 3. Every case gets a namespace of its own, so use plain names. More nodes: `open()`. Every node is closed and the namespace
 *    destroyed for you. All calls through a node are recorded; `note` adds a line.
 * 4. Time. Never sleep to wait for something: `within(promise)` and `eventually(probe)` wait up to `timing.signalMs` and fail with
 *    what was awaited. `pass(ms)` lets time pass on the adapter's clock (the hook, or a real wait). `expire(ttl)` passes a TTL and the
 *    resolution. Leases that must hold take `LONG` ms; leases that must end take `ttl`. When live steps must fit inside a short lease,
 *    wrap them in `fits(async ({ ttl, live }) => …)`: a slow machine makes it try again with a longer lease instead of failing.
 *    `stays(promise)` listens for `timing.silenceMs`.
 * 5. Order of claims is promised within one answer only: `drain(queue)` claims until nothing is left, in order.
 * 6. Assertions come from `check` and say what they look at. Any other throw fails the case as well, with the error shown.
 * 7. Randomness comes from `random` (seeded per case), never from Math.random.
 */
import type {
  Clock,
  IBrokerEngine,
  ILockAdapter,
  IStorageEngine,
  JobStore,
  ScheduleStore,
  Traits,
} from '@sched/core/adapter'
import type { Check } from './check.ts'
import type { FaultRule } from './faults/wrap.ts'
import type { Random } from './random.ts'
import type { BorrowedClient, OpenOptions, Target, Timing } from './target.ts'

export type Level = 'must' | 'should' | 'may'
export const LEVELS: readonly Level[] = ['must', 'should', 'may']

export const AREAS = [
  'storage',
  'life',
  'broker',
  'lock',
  'job-store',
  'schedule-store',
  'race',
  'time',
  'fault',
  'hybrid',
  'model',
  'lin',
  'perf',
] as const
export type Area = (typeof AREAS)[number]

/** `bare`: as opened. `namespaced`: through core's namespace isolation. `composed`, `fused`: which job store. */
export type Variant = 'bare' | 'namespaced' | 'composed' | 'fused'

/**
 * What a case needs. `storage.page`: the optional method is there. `receipts`: that trait is true. `server-clock`: trait `clock` is
 * `server`. `shared`: trait `durability` is not `process`. `strategy.lifo`: listed in the trait `strategies` (`priority` also when
 * nothing is listed). `hook.wipe`: the target has that hook. `skew`: a node's wall clock can be set off. `proxy`: the target names its
 * upstream. `processes`: other processes can open the target.
 */
export type Need =
  | 'storage'
  | 'broker'
  | 'lock'
  | 'jobStore'
  | 'scheduleStore'
  | `storage.${keyof IStorageEngine & string}`
  | `broker.${keyof IBrokerEngine & string}`
  | `lock.${keyof ILockAdapter & string}`
  | 'receipts'
  | 'server-clock'
  | 'shared'
  | `strategy.${'priority' | 'fifo' | 'lifo'}`
  | `hook.${'advance' | 'readRaw' | 'restart' | 'wipe' | 'wipeBroker' | 'corruptJob'}`
  | 'skew'
  | 'proxy'
  | 'processes'

/** A lease or TTL, in ms, that does not end during a case. */
export const LONG = 600_000

/** One node: what `target.open` gave, recorded. Reading a part that is not there makes the case n/a. */
export interface Node {
  /** `A` for the first, `B` for the second, … as in the history. */
  readonly label: string
  readonly storage: IStorageEngine
  readonly broker: IBrokerEngine
  readonly lock: ILockAdapter
  readonly jobStore: JobStore
  readonly scheduleStore: ScheduleStore
  /** The client that the target lent to the adapter, when the node was opened with `borrow`. */
  readonly borrowed: BorrowedClient | undefined
  /** Closes it now; otherwise it is closed when the case ends. */
  close(): Promise<void>
}

export interface KillableNode extends Node {
  /** Whether it is another process. */
  readonly process: boolean
  /** Ends it without a word: SIGKILL, or no further call. */
  kill(): Promise<void>
}

export interface Context {
  readonly id: string
  readonly variant: Variant
  readonly target: Target
  readonly timing: Timing
  /** The seed of the run: with it and the id the case draws the same numbers again. */
  readonly seed: number
  readonly random: Random
  readonly check: Check
  /** A short TTL in ms, for leases that must end. */
  readonly ttl: number
  /** What `target.open` got. */
  readonly namespace: string
  /** The clock of what core puts on top of the adapters. */
  readonly clock: Clock

  /** The first node's parts. */
  readonly node: Node
  readonly storage: IStorageEngine
  readonly broker: IBrokerEngine
  readonly lock: ILockAdapter
  readonly jobStore: JobStore
  readonly scheduleStore: ScheduleStore
  /** Whether the adapter has it. */
  has(need: Need): boolean
  /** The traits of that part. */
  traits(part: 'storage' | 'broker' | 'lock'): Partial<Traits>

  /** Another node on the same namespace. */
  open(options?: OpenOptions): Promise<Node>
  /** A node on a new namespace, which shares nothing with this one. `like`: derive its name from this text instead of a random one. */
  openElsewhere(like?: string): Promise<Node>

  /**
   * Another node on the same namespace, in a process of its own where that is possible (need `processes`), else here and merely left
   * alone once it is killed. `faults` are inflicted in that process.
   */
  openKillable(faults?: readonly FaultRule[]): Promise<KillableNode>

  /** Waits for `promise`; fails after `timing.signalMs` (or `ms`), naming `what` was awaited. */
  within<T>(promise: Promise<T>, what: string, ms?: number): Promise<T>
  /** Calls `probe` until it gives something other than undefined, null or false, and resolves to that. Fails like `within`. */
  eventually<T>(
    probe: () => Promise<T | undefined | null | false> | T | undefined | null | false,
    what: string,
    ms?: number,
  ): Promise<T>
  /** Fails when `promise` settles within `timing.silenceMs`. */
  stays(promise: Promise<unknown>, what: string): Promise<void>
  /** Lets `ms` pass on the adapter's clock. */
  pass(ms: number): Promise<void>
  /** Lets a TTL of `ttlMs` that began just now end, the resolution included. */
  expire(ttlMs: number): Promise<void>
  /**
   * Runs `attempt` with a short TTL that its live steps must fit into; it calls `live()` when they are done. When they took longer, by
   * the wall clock, the machine was too slow to tell: tries again with a longer TTL, and ends inconclusive after three rounds.
   */
  fits<T>(attempt: (fit: Fit) => Promise<T>): Promise<T>
  /** Claims from `queue` one call after the other until nothing comes, and gives the ids in order. */
  drain(
    queue: string,
    options?: { node?: Node; limit?: number; strategy?: 'priority' | 'fifo' | 'lifo' },
  ): Promise<string[]>
  /** Runs when the case ends, before the nodes close. */
  defer(cleanup: () => Promise<void> | void): void

  /** A line in the history. */
  note(text: string): void
  /** A line in the report of a case that passes, for measurements. */
  report(text: string): void
  /** Stops recording calls: what is measured is the adapter alone. */
  quiet(): void
  /** Ends the case as n/a. */
  notApplicable(reason: string): never
  /** Ends the case as inconclusive: it could not be told. */
  inconclusive(reason: string): never
}

/** One round of `fits`. */
export interface Fit {
  /** The TTL of this round, ms. */
  readonly ttl: number
  /** To be called when the steps are done that need the lease live, before the waiting begins. */
  readonly live: () => void
  /** A name of this round: earlier rounds may have left something under the others. */
  readonly name: (text: string) => string
}

export interface CaseDefinition {
  /** The rule in words, as CONTRACTS has it: one or two sentences. */
  readonly rule: string
  /** Why it matters: what breaks for a user when the rule does. */
  readonly why: string
  /** The mistake that usually looks like this, as the end of "this usually means that …". */
  readonly mistake: string
  /** Default `must`. */
  readonly level?: Level
  /** In addition to the suite's. */
  readonly needs?: readonly Need[]
  /** Real milliseconds after which the case has failed; default 30,000. */
  readonly timeoutMs?: number
  /** Runs while no other case does: it measures, or counts handles. */
  readonly alone?: boolean
  run(context: Context): Promise<void>
}

export interface Case extends CaseDefinition {
  /** `area/name`; stable. */
  readonly id: string
  readonly area: Area
  readonly level: Level
  readonly needs: readonly Need[]
}

/** Makes the cases of one area: `needs` hold for all of them. */
export function suite(
  area: Area,
  needs: readonly Need[],
  definitions: Readonly<Record<string, CaseDefinition>>,
): readonly Case[] {
  return Object.entries(definitions).map(([name, definition]) => ({
    ...definition,
    id: `${area}/${name}`,
    area,
    level: definition.level ?? 'must',
    needs: [...needs, ...(definition.needs ?? [])],
    run: (context) => definition.run(context),
  }))
}
