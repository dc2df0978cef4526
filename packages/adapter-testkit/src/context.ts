/** What a case works with: see the interface in case.ts. */
import { setMaxListeners } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import type {
  Clock,
  IBrokerEngine,
  ILockAdapter,
  IStorageEngine,
  JobStore,
  ScheduleStore,
  Traits,
} from '@sched/core/adapter'
import { missing, traitsOf } from './capabilities.ts'
import {
  type Case,
  type Context,
  type Fit,
  type KillableNode,
  LONG,
  type Need,
  type Node,
  type Variant,
} from './case.ts'
import { Check, ConformanceError } from './check.ts'
import { orLate } from './deadline.ts'
import type { FaultRule } from './faults/wrap.ts'
import { History } from './history.ts'
import { asHybrid } from './hybrid-target.ts'
import { ModelClock } from './model/clock.ts'
import { guarded, Nodes } from './nodes.ts'
import { hashText, Random } from './random.ts'
import { Inconclusive, NotApplicable } from './signals.ts'
import { type OpenOptions, type Target, type Timing, timingOf } from './target.ts'

const FIT_ROUNDS = 3

/** Every namespace has what naive keys, patterns and quoting trip over. */
export function hostileNamespace(id: string, random: Random): string {
  return `tk:*%_{}é ${id.replace('/', ':')} ${random.text(8)}`
}

export class CaseContext implements Context {
  readonly id: string
  readonly variant: Variant
  readonly target: Target
  readonly timing: Timing
  readonly seed: number
  readonly random: Random
  readonly check: Check = new Check()
  readonly ttl: number
  readonly namespace: string
  readonly history: History = new History()
  readonly reports: string[] = []
  readonly #nodes: Nodes
  readonly #cleanups: (() => Promise<void> | void)[] = []
  readonly #ended = new AbortController()
  /** The target's own, else one that runs by itself and moves along with the hook. */
  readonly clock: Clock

  constructor(target: Target, one: Case, variant: Variant, seed: number) {
    this.id = one.id
    this.variant = variant
    // the protocol between two systems is tried on any three parts, as if they were of two
    this.target = one.area === 'hybrid' ? asHybrid(target) : target
    this.timing = timingOf(this.target)
    this.seed = seed
    this.random = new Random(seed ^ hashText(`${one.id} ${variant}`))
    this.ttl = Math.max(this.timing.shortestTtlMs, 1)
    this.namespace = hostileNamespace(one.id, new Random(this.random.int(0, 2 ** 31)))
    this.clock = this.target.hooks?.clock?.(this.namespace) ?? new ModelClock()
    this.#nodes = new Nodes({ target: this.target, variant, history: this.history, clock: this.clock })
    // many waits of one case may be under way at once
    setMaxListeners(0, this.#ended.signal)
    bindMethods(this)
  }

  get node(): Node {
    return this.#nodes.first
  }
  get storage(): IStorageEngine {
    return this.node.storage
  }
  get broker(): IBrokerEngine {
    return this.node.broker
  }
  get lock(): ILockAdapter {
    return this.node.lock
  }
  get jobStore(): JobStore {
    return this.node.jobStore
  }
  get scheduleStore(): ScheduleStore {
    return this.node.scheduleStore
  }

  has(need: Need): boolean {
    return this.lacks(need) === undefined
  }

  /** Why `need` is not there; undefined when it is. */
  lacks(need: Need): string | undefined {
    return missing(need, this.target, this.#nodes.adapters)
  }

  traits(part: 'storage' | 'broker' | 'lock'): Partial<Traits> {
    return traitsOf(this.#nodes.adapters, part)
  }

  open(options: OpenOptions = {}): Promise<Node> {
    return this.#nodes.open(this.namespace, options)
  }

  openElsewhere(like?: string): Promise<Node> {
    return this.#nodes.open(like ?? hostileNamespace(this.id, this.random), {})
  }

  openKillable(faults: readonly FaultRule[] = []): Promise<KillableNode> {
    return this.#nodes.openKillable(this.namespace, faults)
  }

  async within<T>(promise: Promise<T>, what: string, ms: number = this.timing.signalMs): Promise<T> {
    const late = Symbol('late')
    const first = await orLate(promise, ms, late)
    if (first === late)
      throw new ConformanceError(what, `an answer within ${ms} ms`, 'nothing; it is still waiting')
    return first as T
  }

  async eventually<T>(
    probe: () => Promise<T | undefined | null | false> | T | undefined | null | false,
    what: string,
    ms: number = this.timing.signalMs,
  ): Promise<T> {
    const until = performance.now() + ms
    for (let wait = 1; ; wait = Math.min(wait * 2, 50)) {
      const found = await probe()
      if (found !== undefined && found !== null && found !== false) return found
      if (performance.now() >= until)
        throw new ConformanceError(what, `it to come within ${ms} ms`, 'it did not')
      await sleep(wait, undefined, { signal: this.#ended.signal })
    }
  }

  async stays(promise: Promise<unknown>, what: string): Promise<void> {
    const silent = Symbol('silent')
    const settled = promise.then(
      (value) => ({ value }),
      (error: unknown) => ({ value: error }),
    )
    const first = await orLate(settled, this.timing.silenceMs, silent)
    if (first !== silent) this.check.equal((first as { value: unknown }).value, 'nothing yet', what)
  }

  async pass(ms: number): Promise<void> {
    const advance = this.target.hooks?.advance
    this.note(`${Math.ceil(ms)} ms pass${advance ? ' (hook)' : ''}`)
    if (advance) {
      await advance.call(this.target.hooks, this.namespace, Math.ceil(ms))
      if (this.clock instanceof ModelClock && !this.target.hooks?.clock)
        await this.clock.advance(Math.ceil(ms))
      // what the clock woke up answers in microtasks and immediates
      for (let i = 0; i < 3; i++) await new Promise((resolve) => setImmediate(resolve))
      return
    }
    const until = performance.now() + ms
    for (let left = ms; left > 0; left = until - performance.now())
      await sleep(Math.ceil(left), undefined, { signal: this.#ended.signal })
  }

  expire(ttlMs: number): Promise<void> {
    return this.pass(ttlMs + this.timing.resolutionMs + 5)
  }

  async fits<T>(attempt: (fit: Fit) => Promise<T>): Promise<T> {
    for (let round = 1, ttl = this.ttl; round <= FIT_ROUNDS; round++, ttl *= 3) {
      const start = performance.now()
      const tooSlow = (): boolean => performance.now() - start > ttl * 0.9
      let live = true
      let slow = false
      try {
        return await attempt({
          ttl,
          name: (text) => (round === 1 ? text : `${text}-again${round}`),
          live: () => {
            live = false
            if (!tooSlow()) return
            slow = true
            throw new Inconclusive('too slow')
          },
        })
      } catch (error) {
        if (!slow && !(live && tooSlow())) throw error
        this.note(`the steps took longer than the lease of ${ttl} ms; again with a longer one`)
      }
    }
    throw new Inconclusive(
      `the live steps did not fit into a lease, even one of ${this.ttl * 3 ** (FIT_ROUNDS - 1)} ms: raise timing.shortestTtlMs`,
    )
  }

  async drain(
    queue: string,
    options: { node?: Node; limit?: number; strategy?: 'priority' | 'fifo' | 'lifo' } = {},
  ): Promise<string[]> {
    const { broker } = options.node ?? this.node
    const ids: string[] = []
    for (;;) {
      const claimed =
        options.strategy === undefined
          ? await broker.claim(queue, 'drain', options.limit ?? 100, LONG)
          : await broker.claim(queue, 'drain', options.limit ?? 100, LONG, options.strategy)
      if (claimed.length === 0) return ids
      ids.push(...claimed)
      if (ids.length > 100_000)
        throw new ConformanceError('claiming until nothing is left', 'an end', `${ids.length} ids`)
    }
  }

  defer(cleanup: () => Promise<void> | void): void {
    this.#cleanups.push(cleanup)
  }

  note(text: string): void {
    this.history.note(text)
  }

  quiet(): void {
    this.history.recording = false
  }

  report(text: string): void {
    this.reports.push(text)
  }

  notApplicable(reason: string): never {
    throw new NotApplicable(reason)
  }

  inconclusive(reason: string): never {
    throw new Inconclusive(reason)
  }

  /** Runs the cleanups, closes every node and destroys every namespace. Gives what went wrong in it. */
  async end(): Promise<string[]> {
    this.#ended.abort()
    const wrong: string[] = []
    for (const cleanup of this.#cleanups.reverse())
      wrong.push(...(await guarded('a cleanup of the case', cleanup)))
    return [...wrong, ...(await this.#nodes.end())]
  }
}

/** Cases take the methods out of the context: `({ within, open }) => …`. */
function bindMethods(context: CaseContext): void {
  for (const [name, { value }] of Object.entries(Object.getOwnPropertyDescriptors(CaseContext.prototype)))
    if (typeof value === 'function' && name !== 'constructor')
      Object.defineProperty(context, name, { value: value.bind(context) })
}
