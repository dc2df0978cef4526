/** What happens to an id in a queue, one rule of the contract a method. */
import type { BrokerStrategy, Lease, QueueSize, ReceiptItem } from '@sched/core/adapter'
import { type Entry, Queue } from './queue.ts'
import { ModelAdapter } from './server.ts'

/** What a claim asks for. */
export interface Claim {
  readonly consumer: string
  readonly limit: number
  readonly leaseMs: number
  readonly strategy: BrokerStrategy
  readonly maxActive: number
}

export abstract class QueueRules extends ModelAdapter {
  /** Which queue this node claimed an id from, for `extendLock` without a name. */
  protected readonly claimedFrom: Map<string, string> = new Map()

  protected queue(name: string): Queue {
    const key = this.queueKey(name)
    const queue = this.space.queues.get(key) ?? new Queue()
    this.space.queues.set(key, queue)
    return queue
  }

  protected queueKey(name: string): string {
    return name
  }

  /** Idempotent: one entry an id, the earlier due time and the higher priority win; a live lease is left alone. */
  protected put(queue: Queue, id: string, delayMs: number, priority: number): void {
    const dueAt = this.serverNow() + delayMs
    const entry = queue.entries.get(id)
    if (entry === undefined) {
      queue.add({ id, priority, dueAt, seq: this.space.next(), deliveries: 0, lease: null })
    } else if (!this.isLeased(entry)) {
      // brought forward, it takes its place among those published now
      const seq = dueAt < entry.dueAt ? this.space.next() : entry.seq
      queue.move(entry, {
        dueAt: Math.min(entry.dueAt, dueAt),
        priority: Math.max(entry.priority, priority),
        seq,
      })
    }
  }

  protected take(name: string, claim: Claim): Lease[] {
    const queue = this.queue(name)
    if (this.paused(name)) return []
    const room = Math.min(claim.limit, claim.maxActive - this.active(queue, claim))
    return this.claimable(queue, claim.strategy, room).map((entry) => this.lease(name, entry, claim))
  }

  /** Live leases, counted only where there is a bound. */
  protected active(queue: Queue, claim: Claim): number {
    if (claim.maxActive === Number.POSITIVE_INFINITY) return 0
    return [...queue.entries.values()].filter((entry) => this.isLeased(entry)).length
  }

  protected claimable(queue: Queue, strategy: BrokerStrategy, room: number): Entry[] {
    const found: Entry[] = []
    if (room <= 0) return found
    for (const entry of queue.inOrder(strategy)) {
      if (this.claimableIn(entry) === 0) found.push(entry)
      if (found.length === room) break
    }
    return found
  }

  protected lease(name: string, entry: Entry, claim: Claim): Lease {
    const receipt = this.newReceipt(claim)
    entry.lease = { consumer: claim.consumer, receipt, until: this.serverNow() + claim.leaseMs }
    entry.deliveries++
    this.claimedFrom.set(claimKey(claim.consumer, entry.id), name)
    return { id: entry.id, receipt, deliveries: entry.deliveries, dueAt: entry.dueAt }
  }

  protected newReceipt(_claim: Claim): string {
    return `receipt-${this.space.next()}`
  }

  protected extend(queue: Queue, consumer: string, leaseMs: number, item: ReceiptItem): boolean {
    const entry = queue.entries.get(item.id)
    if (!entry?.lease || !this.mayExtend(entry, consumer, item.receipt)) return false
    entry.lease.until = this.serverNow() + leaseMs
    return true
  }

  protected mayExtend(entry: Entry, consumer: string, receipt: string | undefined): boolean {
    return (
      this.isLeased(entry) &&
      entry.lease?.consumer === consumer &&
      this.holds(entry, receipt ?? entry.lease.receipt)
    )
  }

  protected finish(queue: Queue, id: string, receipt: string | undefined): boolean {
    const entry = queue.entries.get(id)
    if (receipt !== undefined && !(entry && this.holds(entry, receipt))) return false
    if (entry !== undefined) this.drop(queue, entry)
    return true
  }

  protected giveBack(queue: Queue, id: string, delayMs: number, receipt: string | undefined): boolean {
    const entry = queue.entries.get(id)
    if (receipt !== undefined && !(entry && this.holds(entry, receipt))) return false
    if (entry?.lease) {
      entry.lease = null
      this.putBack(queue, entry, delayMs)
      queue.wake()
    }
    return true
  }

  /** Due from now on: behind every id of its priority that is due already. */
  protected putBack(queue: Queue, entry: Entry, delayMs: number): void {
    queue.move(entry, { dueAt: this.serverNow() + delayMs, seq: this.space.next() })
  }

  protected drop(queue: Queue, entry: Entry): void {
    queue.remove(entry)
    queue.wake()
  }

  protected paused(name: string): boolean {
    return this.queue(name).paused
  }

  protected setPaused(name: string, paused: boolean): void {
    this.queue(name).paused = paused
    this.queue(name).wake()
  }

  /** Whether `receipt` proves the lease that is live now. */
  protected holds(entry: Entry, receipt: string): boolean {
    return this.isLeased(entry) && entry.lease?.receipt === receipt
  }

  protected isLeased(entry: Entry): boolean {
    return entry.lease !== null && entry.lease.until > this.serverNow()
  }

  protected stateOf(entry: Entry): keyof QueueSize {
    if (this.isLeased(entry)) return 'leased'
    return entry.dueAt > this.serverNow() ? 'delayed' : 'waiting'
  }

  /** Milliseconds until time alone makes it claimable. */
  protected claimableIn(entry: Entry): number {
    const from = this.isLeased(entry) ? (entry.lease?.until ?? 0) : entry.dueAt
    return Math.max(0, from - this.serverNow())
  }
}

export function claimKey(consumer: string, id: string): string {
  return JSON.stringify([consumer, id])
}
