/** The nodes of one case: opened in its variant's shape, recorded, and ended with it. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Clock } from '@sched/core/adapter'
import { type Adapters, missing } from './capabilities.ts'
import type { KillableNode, Node, Variant } from './case.ts'
import { openChild } from './child-process.ts'
import { orLate } from './deadline.ts'
import type { FaultRule } from './faults/wrap.ts'
import type { History, Part } from './history.ts'
import { NotApplicable } from './signals.ts'
import { withSkewedDate } from './skewed-date.ts'
import type { BorrowedClient, OpenOptions, Target } from './target.ts'
import { shape } from './variants.ts'

const CLOSE_DEADLINE_MS = 10_000

interface OpenNode {
  readonly node: Node
  readonly adapters: Adapters
  readonly end: () => Promise<void>
}

export interface NodesOptions {
  readonly target: Target
  readonly variant: Variant
  readonly history: History
  /** The clock of what core composes. */
  readonly clock: Clock
}

export class Nodes {
  readonly #target: Target
  readonly #variant: Variant
  readonly #history: History
  readonly #clock: Clock
  readonly #open: OpenNode[] = []
  readonly #namespaces = new Set<string>()
  #labels = 0

  constructor({ target, variant, history, clock }: NodesOptions) {
    this.#target = target
    this.#variant = variant
    this.#history = history
    this.#clock = clock
  }

  /** The first node that was opened. */
  get first(): Node {
    const [first] = this.#open
    if (!first) throw new Error('no node is open yet')
    return first.node
  }

  /** Of the first node; none before it is open. */
  get adapters(): Adapters {
    return this.#open[0]?.adapters ?? {}
  }

  async open(namespace: string, options: OpenOptions): Promise<Node> {
    const read = new Set<string>()
    this.#namespaces.add(namespace)
    const opened = await this.#target.open(namespace, tracked(options, read))
    const unread = Object.keys(options).filter((option) => !read.has(option))
    // the server is elsewhere, so this process's Date can be moved instead
    const moveDate = unread.includes('clockSkewMs') && this.#target.upstream !== undefined
    if (unread.some((option) => !(moveDate && option === 'clockSkewMs'))) {
      await opened.close()
      throw new NotApplicable(`the target's open() does not look at the option ${unread[0]}`)
    }
    const bare = moveDate ? skewed(opened, options.clockSkewMs ?? 0) : opened
    const adapters = shape(bare, this.#variant, this.#clock)
    const node = this.#add(adapters, opened.borrowed, async () => {
      // a store that the kit made is the kit's to close; the adapters below it are the target's
      if (adapters.jobStore !== opened.jobStore) await adapters.jobStore?.close?.()
      await opened.close()
    })
    for (const part of ['storage', 'broker', 'lock', 'jobStore'] as const) await adapters[part]?.ready?.()
    return node
  }

  /** In another process where that is possible. */
  async openKillable(namespace: string, faults: readonly FaultRule[]): Promise<KillableNode> {
    if (missing('processes', this.#target, this.adapters) !== undefined) {
      const node = await this.open(namespace, {})
      const kill = async (): Promise<void> =>
        this.#history.note(`node ${node.label} is left alone, as if killed`)
      return Object.assign(node, { process: false, kill })
    }
    const child = await openChild({ module: this.#target.module!, namespace, faults }, this.adapters)
    const node = this.#add(child.adapters, undefined, () => child.close())
    const kill = async (): Promise<void> => {
      this.#history.note(`the process of node ${node.label} is killed`)
      await child.kill()
    }
    return Object.assign(node, { process: true, kill })
  }

  /** Closes every node, then destroys every namespace. Gives what went wrong. */
  async end(): Promise<string[]> {
    const wrong: string[] = []
    for (const { node, end } of this.#open)
      wrong.push(...(await guarded(`close() of node ${node.label}`, end)))
    await this.#quiet()
    for (const namespace of this.#namespaces)
      wrong.push(...(await guarded('destroy()', () => this.#destroy(namespace))))
    return wrong
  }

  /** Calls of a case that failed may still be under way: what they write must not come after the destroy. */
  async #quiet(): Promise<void> {
    for (let turn = 0; turn < 60 && this.#history.pending().length > 0; turn++) await sleep(50)
  }

  async #destroy(namespace: string): Promise<void> {
    await this.#target.destroy(namespace)
    const left = (await this.#target.hooks?.readRaw?.(namespace)) ?? []
    if (left.length > 0) throw new Error(`it left ${left.length} raw entries, such as ${left[0]}`)
  }

  #add(adapters: Adapters, borrowed: BorrowedClient | undefined, close: () => Promise<void>): Node {
    const n = this.#labels++
    const label = String.fromCharCode(65 + (n % 26)) + (n < 26 ? '' : Math.floor(n / 26))
    const end = once(close)
    const node = recorded({ label, adapters, borrowed, end, history: this.#history })
    this.#open.push({ node, adapters, end })
    return node
  }
}

interface Recorded {
  readonly label: string
  readonly adapters: Adapters
  readonly borrowed: BorrowedClient | undefined
  readonly end: () => Promise<void>
  readonly history: History
}

function recorded({ label, adapters, borrowed, end, history }: Recorded): Node {
  const parts = new Map<Part, object>()
  const part = <T extends object>(name: Part, inner: T | undefined): T => {
    if (!inner) throw new NotApplicable(`the target has no ${name}`)
    if (!parts.has(name)) parts.set(name, history.wrap(inner, label, name))
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
      history.note(`node ${label} closes`)
      return end()
    },
  }
}

/** What went wrong in a step of the cleanup; nothing of it may keep the next one from running. */
export async function guarded(what: string, step: () => Promise<void> | void): Promise<string[]> {
  try {
    const late = Symbol('late')
    const first = await orLate((async () => step())(), CLOSE_DEADLINE_MS, late)
    return first === late ? [`${what} did not end within ${CLOSE_DEADLINE_MS} ms`] : []
  } catch (error) {
    return [`${what}: ${(error as Error)?.message ?? String(error)}`]
  }
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
  const getters = Object.entries(options).map(([key, value]) => {
    const get = (): unknown => {
      read.add(key)
      return value
    }
    return [key, { enumerable: true, get }] as const
  })
  return Object.defineProperties({}, Object.fromEntries(getters))
}
