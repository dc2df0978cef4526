/** What a case works with: see the interface in case.ts. */
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
import { type Adapters, missing, traitsOf } from './capabilities.ts'
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
import { openChild } from './child-process.ts'
import type { FaultRule } from './faults/wrap.ts'
import { History, type Part } from './history.ts'
import { ModelClock } from './model/clock.ts'
import { hashText, Random } from './random.ts'
import { Inconclusive, NotApplicable } from './signals.ts'
import { withSkewedDate } from './skewed-date.ts'
import { type BorrowedClient, type OpenOptions, type Target, type Timing, timingOf } from './target.ts'
import { shape } from './variants.ts'

const CLOSE_DEADLINE_MS = 10_000
const FIT_ROUNDS = 3

/** Every namespace has what naive keys, patterns and quoting trip over. */
export function hostileNamespace(id: string, random: Random): string {
  return `tk:*%_{}é ${id.replace('/', ':')} ${random.text(8)}`
}

interface OpenNode {
  readonly node: Node
  readonly adapters: Adapters
  readonly namespace: string
  closed: boolean
  readonly end: () => Promise<void>
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
  readonly #nodes: OpenNode[] = []
  readonly #namespaces = new Set<string>()
  readonly #cleanups: (() => Promise<void> | void)[] = []
  readonly #ended = new AbortController()
  /** The clock of what core composes: the target's own, else one that runs by itself and moves along with the hook. */
  readonly #clock: Clock
  #labels = 0

  constructor(target: Target, one: Case, variant: Variant, seed: number) {
    this.id = one.id
    this.variant = variant
    this.target = target
    this.timing = timingOf(target)
    this.seed = seed
    this.random = new Random(seed ^ hashText(`${one.id} ${variant}`))
    this.ttl = Math.max(this.timing.shortestTtlMs, 1)
    this.namespace = hostileNamespace(one.id, new Random(this.random.int(0, 2 ** 31)))
    this.#clock = target.hooks?.clock?.(this.namespace) ?? new ModelClock()
    bindMethods(this)
  }

  get node(): Node {
    const first = this.#nodes[0]
    if (!first) throw new Error('no node is open yet')
    return first.node
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
    return missing(need, this.target, this.#nodes[0]?.adapters ?? {})
  }

  traits(part: 'storage' | 'broker' | 'lock'): Partial<Traits> {
    return traitsOf(this.#nodes[0]?.adapters ?? {}, part)
  }

  open(options: OpenOptions = {}): Promise<Node> {
    return this.#open(this.namespace, options)
  }

  openElsewhere(like?: string): Promise<Node> {
    return this.#open(like ?? hostileNamespace(this.id, this.random), {})
  }

  async openKillable(faults: readonly FaultRule[] = []): Promise<KillableNode> {
    if (!this.has('processes')) {
      const node = await this.open()
      return Object.assign(node, {
        process: false,
        kill: async () => this.note(`node ${node.label} is left alone, as if killed`),
      })
    }
    const child = await openChild(
      { module: this.target.module!, namespace: this.namespace, faults },
      this.#nodes[0]!.adapters,
    )
    const label = this.#nextLabel()
    const end = once(() => child.close())
    const node = this.#node(label, child.adapters, undefined, end)
    this.#nodes.push({ node, adapters: child.adapters, namespace: this.namespace, closed: false, end })
    const kill = async (): Promise<void> => {
      this.note(`the process of node ${label} is killed`)
      await child.kill()
    }
    return Object.assign(node, { process: true, kill })
  }

  async within<T>(promise: Promise<T>, what: string, ms: number = this.timing.signalMs): Promise<T> {
    const late = Symbol('late')
    const first = await this.#race(promise, ms, late)
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
    const first = await this.#race(settled, this.timing.silenceMs, silent)
    if (first !== silent) this.check.equal((first as { value: unknown }).value, 'nothing yet', what)
  }

  async pass(ms: number): Promise<void> {
    const advance = this.target.hooks?.advance
    this.note(`${Math.ceil(ms)} ms pass${advance ? ' (hook)' : ''}`)
    if (advance) {
      await advance.call(this.target.hooks, this.namespace, Math.ceil(ms))
      if (this.#clock instanceof ModelClock && !this.target.hooks?.clock)
        await this.#clock.advance(Math.ceil(ms))
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
          name: (text) => (round === 1 ? text : `${text}-${round}`),
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
    const guard = async (what: string, step: () => Promise<void> | void): Promise<void> => {
      const late = Symbol('late')
      const timer = new AbortController()
      try {
        const deadline = sleep(CLOSE_DEADLINE_MS, late, { signal: timer.signal })
        // the timer's own abort, once the step has won
        deadline.catch(() => late)
        if ((await Promise.race([Promise.resolve(step()), deadline])) === late)
          wrong.push(`${what} did not end within ${CLOSE_DEADLINE_MS} ms`)
      } catch (error) {
        wrong.push(`${what}: ${(error as Error)?.message ?? String(error)}`)
      } finally {
        timer.abort()
      }
    }
    for (const cleanup of this.#cleanups.reverse()) await guard('a cleanup of the case', cleanup)
    for (const open of this.#nodes) await guard(`close() of node ${open.node.label}`, open.end)
    await this.#quiet()
    for (const namespace of this.#namespaces)
      await guard('destroy()', async () => {
        await this.target.destroy(namespace)
        const left = (await this.target.hooks?.readRaw?.(namespace)) ?? []
        if (left.length > 0) wrong.push(`destroy() left ${left.length} raw entries, such as ${left[0]}`)
      })
    return wrong
  }

  /** Calls of a case that failed may still be under way: what they write must not come after the destroy. */
  async #quiet(): Promise<void> {
    for (let turn = 0; turn < 60 && this.history.pending().length > 0; turn++) await sleep(50)
  }

  async #open(namespace: string, options: OpenOptions): Promise<Node> {
    const read = new Set<string>()
    this.#namespaces.add(namespace)
    const opened = await this.target.open(namespace, tracked(options, read))
    const unread = Object.keys(options).filter((option) => !read.has(option))
    const skewMs = options.clockSkewMs ?? 0
    // the server is elsewhere, so this process's Date can be moved instead
    const moveDate = unread.includes('clockSkewMs') && this.target.upstream !== undefined
    if (unread.some((option) => !(moveDate && option === 'clockSkewMs'))) {
      await opened.close()
      throw new NotApplicable(`the target's open() does not look at the option ${unread[0]}`)
    }
    const adapters = shape(moveDate ? skewed(opened, skewMs) : opened, this.variant, this.#clock)
    const label = this.#nextLabel()
    const end = once(async () => {
      // a store that the kit made is the kit's to close; the adapters below it are the target's
      if (adapters.jobStore !== opened.jobStore) await adapters.jobStore?.close?.()
      await opened.close()
    })
    const open: OpenNode = {
      node: this.#node(label, adapters, opened.borrowed, end),
      adapters,
      namespace,
      closed: false,
      end,
    }
    this.#nodes.push(open)
    for (const part of ['storage', 'broker', 'lock', 'jobStore'] as const) await adapters[part]?.ready?.()
    return open.node
  }

  #nextLabel(): string {
    const n = this.#labels++
    return String.fromCharCode(65 + (n % 26)) + (n < 26 ? '' : Math.floor(n / 26))
  }

  #node(
    label: string,
    adapters: Adapters,
    borrowed: BorrowedClient | undefined,
    end: () => Promise<void>,
  ): Node {
    const parts = new Map<Part, object>()
    const part = <T extends object>(name: Part, inner: T | undefined): T => {
      if (!inner) throw new NotApplicable(`the target has no ${name}`)
      if (!parts.has(name)) parts.set(name, this.history.wrap(inner, label, name))
      return parts.get(name) as T
    }
    return {
      label,
      borrowed,
      get storage() {
        return part('storage', adapters.storage)
      },
      get broker() {
        return part('broker', adapters.broker)
      },
      get lock() {
        return part('lock', adapters.lock)
      },
      get jobStore() {
        return part('jobStore', adapters.jobStore)
      },
      get scheduleStore() {
        return part('scheduleStore', adapters.scheduleStore)
      },
      close: () => {
        this.note(`node ${label} closes`)
        return end()
      },
    }
  }

  async #race<T, L>(promise: Promise<T>, ms: number, late: L): Promise<T | L> {
    const timer = new AbortController()
    const deadline = sleep(ms, late, { signal: timer.signal })
    // the timer's own abort, once the promise has won
    deadline.catch(() => late)
    try {
      return await Promise.race([promise, deadline])
    } finally {
      timer.abort()
    }
  }
}

/** Cases take the methods out of the context: `({ within, open }) => …`. */
function bindMethods(context: CaseContext): void {
  for (const [name, { value }] of Object.entries(Object.getOwnPropertyDescriptors(CaseContext.prototype)))
    if (typeof value === 'function' && name !== 'constructor')
      Object.defineProperty(context, name, { value: value.bind(context) })
}

function skewed({ storage, broker, lock }: Adapters, skewMs: number): Adapters {
  return {
    ...(storage && { storage: withSkewedDate(storage, skewMs) }),
    ...(broker && { broker: withSkewedDate(broker, skewMs) }),
    ...(lock && { lock: withSkewedDate(lock, skewMs) }),
  }
}

function once(fn: () => Promise<void>): () => Promise<void> {
  let done: Promise<void> | undefined
  return () => {
    done ??= fn()
    return done
  }
}

/** The options, noticing which of them `open` reads. */
function tracked(options: OpenOptions, read: Set<string>): OpenOptions {
  return Object.defineProperties(
    {},
    Object.fromEntries(
      Object.entries(options).map(([key, value]) => [
        key,
        {
          enumerable: true,
          get: () => {
            read.add(key)
            return value
          },
        },
      ]),
    ),
  )
}
