// Several schedulers over one memory server in one process, on a clock that tests move: each node's clock and network can stand still.
import { type AnyJobDefinition, JobScheduler, type WorkOptions } from '@sched/core'
import {
  type Adapters,
  BACKEND,
  type Backend,
  type Clock,
  ManualClock,
  type Timer,
  UnavailableError,
} from '@sched/core/adapter'
import { type MemoryAdapters, memory } from '../memory.ts'
import { MemoryServer } from '../server.ts'

export type StoreKind = 'fused' | 'composed'
export const STORE_KINDS: readonly StoreKind[] = ['fused', 'composed']

/** A process's clock: it stands still with its process, and its wall clock may be wrong. */
export class NodeClock implements Clock {
  readonly #clock: ManualClock
  readonly #late: (() => void)[] = []
  #paused = false
  /** How wrong its wall clock is, milliseconds. */
  skew = 0

  constructor(clock: ManualClock) {
    this.#clock = clock
  }

  now(): number {
    return this.#clock.now() + this.skew
  }

  monotonic(): number {
    return this.#clock.monotonic()
  }

  after(delayMs: number, fn: () => void): Timer {
    let cancelled = false
    const fire = (): void => {
      if (cancelled) return
      if (this.#paused) this.#late.push(fire)
      else fn()
    }
    const timer = this.#clock.after(delayMs, fire)
    return {
      cancel: () => {
        cancelled = true
        timer.cancel()
      },
    }
  }

  pause(): void {
    this.#paused = true
  }

  resume(): void {
    this.#paused = false
    for (const fire of this.#late.splice(0)) fire()
  }
}

type Fault = 'none' | 'refuse' | 'lose-reply'

/** A node's way to the server: it can be held (calls wait), cut (calls reject), or lose replies. */
export class Network {
  #held: PromiseWithResolvers | undefined
  #fault: Fault = 'none'
  /** Every call that was made: `settle`, `heartbeat`, … */
  readonly calls: string[] = []
  /** Applies the fault only to these methods, when set. */
  only: ReadonlySet<string> | undefined

  hold(): void {
    this.#held ??= withResolvers()
  }

  /** Calls reject; with `lose-reply` after they were applied. */
  break(fault: Exclude<Fault, 'none'>, only?: readonly string[]): void {
    this.#fault = fault
    this.only = only && new Set(only)
  }

  mend(): void {
    this.#fault = 'none'
    this.#held?.resolve()
    this.#held = undefined
  }

  wrap<T extends object>(target: T): T {
    return new Proxy(target, {
      get: (inner, key) => {
        const value: unknown = Reflect.get(inner, key, inner)
        if (typeof value !== 'function' || typeof key !== 'string') return value
        // closing is local
        if (key === 'close') return value.bind(inner)
        return (...args: unknown[]) =>
          this.#call(key, () => (value as (...all: unknown[]) => unknown).apply(inner, args))
      },
    })
  }

  async #call(name: string, call: () => unknown): Promise<unknown> {
    this.calls.push(name)
    await this.#held?.promise
    const fault = this.only === undefined || this.only.has(name) ? this.#fault : 'none'
    if (fault === 'refuse') throw new UnavailableError(`${name}: the network is cut`)
    const answer = await call()
    await this.#held?.promise
    if (fault === 'lose-reply') throw new UnavailableError(`${name}: the reply was lost`, { ambiguous: true })
    return answer
  }
}

export type NodeOptions<D extends readonly AnyJobDefinition[]> = Omit<WorkOptions<D>, 'clock' | 'fuse'>

export interface Node<D extends readonly AnyJobDefinition[]> {
  readonly scheduler: JobScheduler<D>
  readonly clock: NodeClock
  readonly network: Network
  /** The process stands still: no timer fires, no call or answer passes. */
  freeze(): void
  thaw(): void
}

/** One server, and the nodes of a cluster over it. */
export class Cluster {
  readonly kind: StoreKind
  readonly clock: ManualClock = new ManualClock({ turns: 12 })
  readonly server: MemoryServer = new MemoryServer({ clock: this.clock })
  readonly #nodes: Node<readonly AnyJobDefinition[]>[] = []

  constructor(kind: StoreKind) {
    this.kind = kind
  }

  node<const D extends readonly AnyJobDefinition[]>(options: NodeOptions<D>): Node<D> {
    const clock = new NodeClock(this.clock)
    const network = new Network()
    const scheduler = new JobScheduler<D>({
      random: () => 0.5,
      ...options,
      adapters: networked(memory({ server: this.server }), network),
      clock,
      fuse: this.kind === 'fused',
    })
    const node: Node<D> = {
      scheduler,
      clock,
      network,
      freeze() {
        clock.pause()
        network.hold()
      },
      thaw() {
        network.mend()
        clock.resume()
      },
    }
    this.#nodes.push(node as unknown as Node<readonly AnyJobDefinition[]>)
    return node
  }

  /** Moves the clock in small steps until the condition holds; fails after `withinMs`. */
  async until(condition: () => boolean | Promise<boolean>, withinMs = 0, stepMs = 50): Promise<void> {
    await this.clock.settle()
    for (let waited = 0; !(await condition()); waited += stepMs) {
      if (waited >= withinMs) throw new Error(`not within ${withinMs} ms: ${condition.toString()}`)
      await this.clock.advance(Math.min(stepMs, withinMs - waited))
    }
  }

  async stop(): Promise<void> {
    for (const { network, clock } of this.#nodes) {
      network.mend()
      clock.resume()
    }
    const stops = Promise.all(this.#nodes.map(({ scheduler }) => scheduler.stop(true)))
    let over = false
    void stops.finally(() => {
      over = true
    })
    while (!over) await this.clock.advance(100)
    await stops
  }
}

function networked(adapters: MemoryAdapters, network: Network): Adapters {
  const inner = adapters.storage[BACKEND]!
  const backend: Backend = {
    fuse(parts) {
      const store = inner.fuse({ ...parts, storage: adapters.storage, broker: adapters.broker })
      return store && network.wrap(store)
    },
  }
  const carrying = <T extends object>(adapter: T): T =>
    new Proxy(network.wrap(adapter), {
      get: (target, key) => (key === BACKEND ? backend : Reflect.get(target, key, target)),
    })
  return {
    storage: carrying(adapters.storage),
    broker: carrying(adapters.broker),
    lock: network.wrap(adapters.lock),
    close: () => adapters.close(),
  }
}

interface PromiseWithResolvers {
  readonly promise: Promise<void>
  resolve(): void
}

function withResolvers(): PromiseWithResolvers {
  let resolve!: () => void
  const promise = new Promise<void>((done) => {
    resolve = done
  })
  return { promise, resolve }
}

/** Something to wait for, and whoever waits. */
export class Signal {
  readonly #inner: PromiseWithResolvers = withResolvers()
  given = false

  give(): void {
    this.given = true
    this.#inner.resolve()
  }

  wait(): Promise<void> {
    return this.#inner.promise
  }
}
