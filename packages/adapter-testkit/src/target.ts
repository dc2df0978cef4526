/** What an adapter author hands to the kit: one small file whose default export is a {@link Target}. */
import type {
  Clock,
  IBrokerEngine,
  ILockAdapter,
  IStorageEngine,
  JobStore,
  ScheduleStore,
} from '@sched/core/adapter'

/** A target reads the options it can honour; the cases that need one which `open` does not read are n/a. */
export interface OpenOptions {
  /** `host:port` to connect to instead of the server: the kit's proxy. Only passed when the target names its `upstream`. */
  readonly endpoint?: string
  /** This node's own wall clock is off by so many milliseconds. Honour it where the adapter takes a clock; else do not read it. */
  readonly clockSkewMs?: number
  /** Open with the adapter's option `resetOnInit`: whatever this namespace holds is cleared, once, at `ready()`. */
  readonly resetOnInit?: boolean
  /** Make the client or pool yourself, hand it to the adapter, and give it back as `borrowed`. */
  readonly borrow?: boolean
}

/** A client that the target made and handed to the adapter. */
export interface BorrowedClient {
  /** Whether it still answers. */
  alive(): Promise<boolean> | boolean
  /** Ends it. */
  end(): Promise<void> | void
}

/** One node: adapters as one process would open them. Leave out what you do not have. */
export interface OpenedAdapters {
  readonly storage?: IStorageEngine
  readonly broker?: IBrokerEngine
  readonly lock?: ILockAdapter
  /** A fused job store of your own. Where storage and broker share a `Symbol.for('@sched/backend')`, the kit fuses by itself. */
  readonly jobStore?: JobStore
  /** A schedule store of your own. Without one the kit takes core's, over the storage. */
  readonly scheduleStore?: ScheduleStore
  /** Only with the option `borrow`. */
  readonly borrowed?: BorrowedClient
  /** Closes what `open` opened. Called once. */
  close(): Promise<void> | void
}

/** How precise and how quick the adapter is, in milliseconds. What is left out takes {@link DEFAULT_TIMING}. */
export interface Timing {
  /** Leases and delays may end this much late (1000 where the server counts in seconds). */
  readonly resolutionMs: number
  /** The shortest lease or lock TTL worth testing with: well above one round trip. */
  readonly shortestTtlMs: number
  /** How long the kit waits for something that must happen. Generous: it costs time only when a case fails. */
  readonly signalMs: number
  /** How long the kit listens to be sure that something does not happen. Short: every such case takes as long. */
  readonly silenceMs: number
}

export const DEFAULT_TIMING: Timing = {
  resolutionMs: 10,
  shortestTtlMs: 250,
  signalMs: 8_000,
  silenceMs: 120,
}

/** What the kit may do to your server. All optional; without them real clocks are used and some cases are n/a. */
export interface TargetHooks {
  /**
   * Lets `ms` milliseconds pass for everything in this namespace: moves an injected clock (timers due by then fire), or ages every
   * lease, delay and lock that is stored. Cases then take no real time.
   */
  advance?(namespace: string, ms: number): Promise<void> | void
  /** The clock that `advance` moves, where it is one of the process: what core puts on top of the adapters then runs on it too. */
  clock?(namespace: string): Clock
  /** Every raw key, row or document stored for this namespace, as text. After `destroy` it must be empty. */
  readRaw?(namespace: string): Promise<readonly string[]> | readonly string[]
  /** Restarts the server (or this namespace's part of it), keeping what is durable. All nodes are closed before and opened after. */
  restart?(namespace: string): Promise<void> | void
  /** The server loses everything in this namespace, as FLUSHALL would. Nodes stay open. */
  wipe?(namespace: string): Promise<void> | void
  /** The broker alone loses everything in this namespace; only for a target whose storage and broker are two systems. */
  wipeBroker?(namespace: string): Promise<void> | void
  /** Makes the stored bytes of this job unreadable for its job store, as a bug or a half-written page would. */
  corruptJob?(namespace: string, jobId: string, store: 'composed' | 'fused'): Promise<void> | void
}

export interface Target {
  /** Shown on the scorecard. */
  readonly name: string
  /**
   * Opens one node on `namespace` (any text: use it as the adapter's `prefix`). The same namespace twice gives two nodes on the same
   * data; another namespace shares nothing. The kit calls `ready()` on what comes back.
   */
  open(namespace: string, options?: OpenOptions): Promise<OpenedAdapters> | OpenedAdapters
  /** Removes everything of this namespace from the server, and nothing else. Called once per namespace, after its nodes closed. */
  destroy(namespace: string): Promise<void> | void
  /** Ends what the target file itself opened (a shared pool, a server). Called once, when the run is over. */
  end?(): Promise<void> | void
  readonly timing?: Partial<Timing>
  readonly hooks?: TargetHooks
  /** Case id → why it is known to fail. A waived case that passes fails the run, so that waivers do not outlive their reason. */
  readonly waive?: Readonly<Record<string, string>>
  /** `host:port` of the server, for the cases that put the kit's proxy in between. */
  readonly upstream?: string
  /** The URL of this file (`import.meta.url`), for the cases that need other processes. The CLI fills it in. */
  readonly module?: string
}

/** What is wrong with a target; the CLI exits with 2 on it. */
export class TargetError extends Error {
  override readonly name = 'TargetError'
}

/** Checks the shape, naming everything that is wrong at once. Throws {@link TargetError}. */
export function checkTarget(value: unknown): asserts value is Target {
  if (typeof value !== 'object' || value === null)
    throw new TargetError(
      `a target must be an object { name, open, destroy }, not ${value === null ? 'null' : typeof value}`,
    )
  const target = value as Record<string, unknown>
  const wrong: string[] = []
  if (typeof target.name !== 'string' || target.name === '') wrong.push('`name` must be a non-empty string')
  if (typeof target.open !== 'function')
    wrong.push('`open(namespace, options)` must be a function that gives { storage?, broker?, lock?, close }')
  if (typeof target.destroy !== 'function') wrong.push('`destroy(namespace)` must be a function')
  if (target.end !== undefined && typeof target.end !== 'function') wrong.push('`end` must be a function')
  wrong.push(...wrongTiming(target.timing), ...wrongHooks(target.hooks), ...wrongWaivers(target.waive))
  for (const text of ['upstream', 'module'])
    if (target[text] !== undefined && typeof target[text] !== 'string')
      wrong.push(`\`${text}\` must be a string`)
  if (wrong.length > 0) throw new TargetError(`this is not a target:\n  - ${wrong.join('\n  - ')}`)
}

function wrongTiming(timing: unknown): string[] {
  if (timing === undefined) return []
  if (typeof timing !== 'object' || timing === null) return ['`timing` must be an object']
  const known = Object.keys(DEFAULT_TIMING)
  return Object.entries(timing).flatMap(([key, ms]) => {
    if (!known.includes(key)) return [`\`timing.${key}\` is unknown; there are ${known.join(', ')}`]
    if (ms !== undefined && !(typeof ms === 'number' && Number.isFinite(ms) && ms > 0))
      return [`\`timing.${key}\` must be a number of milliseconds above 0, not ${String(ms)}`]
    return []
  })
}

function wrongHooks(hooks: unknown): string[] {
  if (hooks === undefined) return []
  if (typeof hooks !== 'object' || hooks === null) return ['`hooks` must be an object']
  const known = ['advance', 'clock', 'readRaw', 'restart', 'wipe', 'wipeBroker', 'corruptJob']
  return Object.entries(hooks).flatMap(([key, hook]) => {
    if (!known.includes(key)) return [`\`hooks.${key}\` is unknown; there are ${known.join(', ')}`]
    return hook === undefined || typeof hook === 'function' ? [] : [`\`hooks.${key}\` must be a function`]
  })
}

function wrongWaivers(waive: unknown): string[] {
  if (waive === undefined) return []
  if (typeof waive !== 'object' || waive === null) return ['`waive` must be an object of case id → reason']
  return Object.entries(waive).flatMap(([id, reason]) =>
    typeof reason === 'string' && reason.trim() !== '' ? [] : [`\`waive["${id}"]\` needs a reason in words`],
  )
}

export function timingOf(target: Target): Timing {
  const given = Object.entries(target.timing ?? {}).filter(([, ms]) => ms !== undefined)
  return { ...DEFAULT_TIMING, ...Object.fromEntries(given) }
}
