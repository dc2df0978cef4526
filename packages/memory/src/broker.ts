import {
  type BrokerStrategy,
  type ClaimOptions,
  type Clock,
  checkName,
  type IBrokerEngine,
  type Lease,
  LeaseLostError,
  type NackItem,
  type PublishItem,
  type QueueSize,
  type ReceiptItem,
  type Traits,
} from '@sched/core/adapter'
import {
  checkCount,
  checkDuration,
  checkLease,
  checkPositive,
  checkPriority,
  checkStrategy,
  STRATEGIES,
} from './arguments.ts'
import { NodePart } from './node-part.ts'
import type { Queue } from './queue.ts'
import type { Queues } from './queues.ts'
import type { MemoryServer, Space } from './server.ts'

export interface BrokerParts {
  readonly server: MemoryServer
  readonly prefix: string
  readonly resetOnInit: boolean
}

/** {@link IBrokerEngine} over one prefix of a memory server. */
export class MemoryBroker extends NodePart implements IBrokerEngine {
  readonly traits: Partial<Traits> = {
    clock: 'server',
    durability: 'process',
    receipts: true,
    strategies: STRATEGIES,
  }
  readonly prefix: string
  readonly #clock: Clock
  readonly #space: Space

  constructor(parts: BrokerParts) {
    const space = parts.server.space(parts.prefix)
    super('the memory broker', parts.resetOnInit ? () => space.clearBroker() : undefined)
    this.prefix = parts.prefix
    this.#clock = parts.server.clock
    this.#space = space
  }

  async publish(name: string, id: string, delayMs?: number, priority?: number): Promise<void> {
    await this.publishMany(name, [
      { id, ...(delayMs === undefined ? {} : { delayMs }), ...(priority === undefined ? {} : { priority }) },
    ])
  }

  async publishMany(name: string, items: readonly PublishItem[]): Promise<void> {
    const queues = this.#named(name)
    for (const { id, delayMs = 0, priority = 0 } of items) {
      checkName(id, 'id')
      checkDuration(delayMs, 'delayMs')
      checkPriority(priority)
    }
    if (items.length === 0) return
    const queue = queues.obtain(name)
    for (const { id, delayMs = 0, priority = 0 } of items) {
      const dueAt = queue.publish(id, delayMs, priority)
      if (dueAt !== undefined) queues.announce(name, queue, dueAt)
    }
  }

  async claim(
    name: string,
    consumerId: string,
    limit: number,
    leaseMs: number,
    strategy: BrokerStrategy = 'priority',
  ): Promise<string[]> {
    return this.#claim(name, consumerId, limit, leaseMs, { strategy }).map((lease) => lease.id)
  }

  async claimLeases(
    name: string,
    consumerId: string,
    limit: number,
    leaseMs: number,
    options: ClaimOptions = {},
  ): Promise<Lease[]> {
    return this.#claim(name, consumerId, limit, leaseMs, options)
  }

  async claimBlocking(
    name: string,
    consumerId: string,
    leaseMs: number,
    timeoutMs: number,
    strategy: BrokerStrategy = 'priority',
    signal?: AbortSignal,
  ): Promise<string | null> {
    checkDuration(timeoutMs, 'timeoutMs')
    const claimOne = () => this.#claim(name, consumerId, 1, leaseMs, { strategy })[0]?.id
    if (signal?.aborted) {
      this.#named(name)
      return null
    }
    const id = claimOne()
    if (id !== undefined || timeoutMs === 0) return id ?? null
    return this.#block(name, timeoutMs, signal, claimOne)
  }

  async extendLock(
    id: string,
    consumerId: string,
    leaseMs: number,
    name?: string,
    receipt?: string,
  ): Promise<void> {
    const queues = this.#open()
    checkName(id, 'id')
    checkName(consumerId, 'consumerId')
    checkLease(leaseMs, 'leaseMs')
    if (name !== undefined) checkName(name, 'name')
    const queue = name === undefined ? this.#queueClaimedFrom(id, consumerId) : queues.find(name)
    if (!queue?.extend(id, consumerId, leaseMs, receipt)) {
      throw new LeaseLostError(`${consumerId} has no live lease of ${id}: stop working on it`)
    }
  }

  async extendMany(
    name: string,
    consumerId: string,
    leaseMs: number,
    items: readonly ReceiptItem[],
  ): Promise<boolean[]> {
    const queue = this.#existing(name, items)
    checkName(consumerId, 'consumerId')
    checkLease(leaseMs, 'leaseMs')
    return items.map(({ id, receipt }) => queue?.extend(id, consumerId, leaseMs, receipt) ?? false)
  }

  async ack(name: string, id: string, receipt?: string): Promise<boolean> {
    return (await this.ackMany(name, [receipt === undefined ? { id } : { id, receipt }]))[0]!
  }

  async ackMany(name: string, items: readonly ReceiptItem[]): Promise<boolean[]> {
    const queue = this.#existing(name, items)
    if (queue === undefined) return items.map(({ receipt }) => receipt === undefined)
    const answers = items.map(({ id, receipt }) => queue.ack(id, receipt))
    this.#space.queues.announceFreed(name, queue)
    return answers
  }

  async nack(name: string, id: string, delayMs = 0, receipt?: string): Promise<boolean> {
    return (
      await this.nackMany(name, [receipt === undefined ? { id, delayMs } : { id, delayMs, receipt }])
    )[0]!
  }

  async nackMany(name: string, items: readonly NackItem[]): Promise<boolean[]> {
    const queue = this.#existing(name, items)
    for (const { delayMs = 0 } of items) checkDuration(delayMs, 'delayMs')
    if (queue === undefined) return items.map(({ receipt }) => receipt === undefined)
    const answers = items.map(({ id, delayMs = 0, receipt }) => {
      const dueAt = queue.nack(id, delayMs, receipt)
      if (typeof dueAt === 'number') this.#space.queues.announce(name, queue, dueAt)
      return dueAt !== false
    })
    this.#space.queues.announceFreed(name, queue)
    return answers
  }

  async pause(name: string): Promise<void> {
    this.#named(name).obtain(name).paused = true
  }

  async resume(name: string): Promise<void> {
    const queues = this.#named(name)
    const queue = queues.find(name)
    if (queue === undefined || !queue.paused) return
    queue.paused = false
    const now = this.#space.now()
    queues.announce(name, queue, queue.hasClaimable() ? now : queue.nextAfter(now))
  }

  async isPaused(name: string): Promise<boolean> {
    return this.#named(name).find(name)?.paused ?? false
  }

  async remove(name: string, id: string): Promise<boolean> {
    const queue = this.#existing(name, [{ id }])
    const removed = queue?.remove(id) ?? false
    if (queue !== undefined) this.#space.queues.announceFreed(name, queue)
    return removed
  }

  async has(name: string, ids: readonly string[]): Promise<boolean[]> {
    const queue = this.#named(name).find(name)
    for (const id of ids) checkName(id, 'id')
    return ids.map((id) => queue?.has(id) ?? false)
  }

  async size(name: string): Promise<QueueSize> {
    return this.#named(name).find(name)?.size() ?? { waiting: 0, delayed: 0, leased: 0 }
  }

  async nextDueIn(name: string): Promise<number | null> {
    const queue = this.#named(name).find(name)
    if (queue === undefined) return null
    if (queue.hasClaimable()) return 0
    const now = this.#space.now()
    const next = queue.nextAfter(now)
    return next === Number.POSITIVE_INFINITY ? null : next - now
  }

  async subscribe(names: readonly string[], onWake: (name: string) => void): Promise<() => Promise<void>> {
    const queues = this.#open()
    for (const name of names) checkName(name, 'name')
    const stop = this.endsWith(queues.listen(names, onWake))
    return async () => stop()
  }

  async incarnation(): Promise<string> {
    this.#open()
    return this.#space.incarnation
  }

  #claim(
    name: string,
    consumerId: string,
    limit: number,
    leaseMs: number,
    { strategy = 'priority', maxActive }: ClaimOptions,
  ): Lease[] {
    const queues = this.#named(name)
    checkName(consumerId, 'consumerId')
    checkCount(limit, 'limit')
    checkLease(leaseMs, 'leaseMs')
    checkStrategy(strategy)
    if (maxActive !== undefined) checkPositive(maxActive, 'maxActive')
    const queue = queues.find(name)
    if (queue === undefined) return []
    const leases = queue.claim({
      consumer: consumerId,
      claimer: this,
      limit,
      leaseMs,
      strategy,
      maxActive: maxActive ?? Number.POSITIVE_INFINITY,
    })
    if (leases.length > 0) queues.announce(name, queue, this.#space.now() + leaseMs)
    return leases
  }

  /** Waits for a wake of the queue, the timeout, an abort or the end of this node, whichever comes first. */
  #block(
    name: string,
    timeoutMs: number,
    signal: AbortSignal | undefined,
    claimOne: () => string | undefined,
  ): Promise<string | null> {
    return new Promise((resolve) => {
      let claimed: string | undefined
      const stopListening = this.#space.queues.listen([name], () => {
        claimed = claimOne()
        if (claimed !== undefined) end()
      })
      const end = this.endsWith(() => {
        stopListening()
        timer.cancel()
        signal?.removeEventListener('abort', end)
        resolve(claimed ?? null)
      })
      const timer = this.#clock.after(timeoutMs, end)
      signal?.addEventListener('abort', end)
    })
  }

  #queueClaimedFrom(id: string, consumerId: string): Queue | undefined {
    for (const queue of this.#space.queues.all()) if (queue.isClaimedBy(id, consumerId, this)) return queue
    return undefined
  }

  #existing(name: string, items: readonly ReceiptItem[]): Queue | undefined {
    const queue = this.#named(name).find(name)
    for (const { id } of items) checkName(id, 'id')
    return queue
  }

  #named(name: string): Queues {
    const queues = this.#open()
    checkName(name, 'name')
    return queues
  }

  #open(): Queues {
    this.assertOpen()
    return this.#space.queues
  }
}
