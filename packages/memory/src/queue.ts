import type { BrokerStrategy, Clock } from '@sched/core/adapter'
import { Line } from './line.ts'
import { ReadyQueue } from './ready-queue.ts'

/** An id in a queue: waiting or delayed (in `ready`), or leased (in `leases`). */
interface Entry {
  readonly id: string
  readonly slot: number
  priority: number
  /** When it is, or was, due. */
  dueAt: number
  /** Its place among equals. */
  ticket: number
  deliveries: number
  lease: EntryLease | undefined
}

interface EntryLease {
  readonly consumer: string
  readonly receipt: string
  /** The adapter that claimed it: an extension without a queue's name looks for its own. */
  readonly claimer: object
  /** Epoch ms; live while it is later than now. */
  until: number
}

export interface ClaimOrder {
  readonly consumer: string
  readonly claimer: object
  readonly limit: number
  readonly leaseMs: number
  readonly strategy: BrokerStrategy
  readonly maxActive: number
}

/**
 * One queue of the broker. Leases that have ended are put back by whoever looks next, so no scanner is needed: every method that asks
 * what is claimable begins with `#takeBack`.
 */
export class Queue {
  paused = false
  /** A claim left ids behind because of `maxActive`: the next freed slot is worth a wake. */
  saturated = false
  readonly #clock: Clock
  readonly #nextReceipt: () => string
  readonly #entries: Map<string, Entry> = new Map()
  readonly #bySlot: (Entry | undefined)[] = []
  readonly #freeSlots: number[] = []
  readonly #ready: ReadyQueue = new ReadyQueue()
  /** Live leases, and ended ones not yet put back, by (until, slot). */
  readonly #leases: Line = new Line()
  #lastTicket = 0

  /** `nextReceipt` never gives the same one twice, not even to another queue. */
  constructor(clock: Clock, nextReceipt: () => string) {
    this.#clock = clock
    this.#nextReceipt = nextReceipt
  }

  /** Gives when the id is due; undefined when it is leased and nothing changed. */
  publish(id: string, delayMs: number, priority: number): number | undefined {
    const now = this.#takeBack()
    const dueAt = now + delayMs
    const known = this.#entries.get(id)
    if (known === undefined) {
      const slot = this.#freeSlots.pop() ?? this.#bySlot.length
      const entry: Entry = {
        id,
        slot,
        priority,
        dueAt,
        ticket: ++this.#lastTicket,
        deliveries: 0,
        lease: undefined,
      }
      this.#entries.set(id, entry)
      this.#bySlot[slot] = entry
      this.#ready.add(priority, dueAt, entry.ticket, slot)
      return dueAt
    }
    if (known.lease !== undefined) return undefined
    const earlier = dueAt < known.dueAt
    if (earlier || priority > known.priority) {
      this.#ready.remove(known.priority, known.dueAt, known.ticket)
      known.priority = Math.max(priority, known.priority)
      if (earlier) {
        known.dueAt = dueAt
        known.ticket = ++this.#lastTicket
      }
      this.#ready.add(known.priority, known.dueAt, known.ticket, known.slot)
    }
    return known.dueAt
  }

  claim(order: ClaimOrder): { id: string; receipt: string; deliveries: number; dueAt: number }[] {
    if (order.limit === 0 || this.paused) return []
    const now = this.#takeBack()
    const until = now + order.leaseMs
    const claimed: { id: string; receipt: string; deliveries: number; dueAt: number }[] = []
    while (claimed.length < order.limit) {
      if (this.#leases.size >= order.maxActive) {
        this.saturated = true
        break
      }
      const entry = this.#bySlot[this.#takeNext(order.strategy, now)]
      if (entry === undefined) break
      const receipt = this.#nextReceipt()
      entry.deliveries++
      entry.lease = { consumer: order.consumer, receipt, claimer: order.claimer, until }
      this.#leases.add(until, entry.slot, entry.slot)
      claimed.push({ id: entry.id, receipt, deliveries: entry.deliveries, dueAt: entry.dueAt })
    }
    return claimed
  }

  /** False: that lease is not live. */
  extend(id: string, consumer: string, leaseMs: number, receipt?: string): boolean {
    const now = this.#clock.now()
    const entry = this.#entries.get(id)
    const lease = entry?.lease
    if (entry === undefined || lease === undefined || lease.until <= now || lease.consumer !== consumer)
      return false
    if (receipt !== undefined && lease.receipt !== receipt) return false
    this.#leases.remove(lease.until, entry.slot)
    lease.until = now + leaseMs
    this.#leases.add(lease.until, entry.slot, entry.slot)
    return true
  }

  /** Whether `claimer` claimed the id for that consumer, and the lease is live. */
  isClaimedBy(id: string, consumer: string, claimer: object): boolean {
    const lease = this.#entries.get(id)?.lease
    return lease?.consumer === consumer && lease.claimer === claimer && lease.until > this.#clock.now()
  }

  /** False: a receipt was given whose lease is gone. */
  ack(id: string, receipt?: string): boolean {
    const entry = this.#entries.get(id)
    if (receipt !== undefined && !this.#isLive(entry, receipt)) return false
    if (entry !== undefined) this.#remove(entry)
    return true
  }

  /** `false`: a receipt was given whose lease is gone; a number: given back, due then; undefined: it was not leased. */
  nack(id: string, delayMs: number, receipt?: string): number | false | undefined {
    const entry = this.#entries.get(id)
    if (receipt !== undefined && !this.#isLive(entry, receipt)) return false
    if (entry?.lease === undefined) return undefined
    this.#leases.remove(entry.lease.until, entry.slot)
    entry.lease = undefined
    entry.dueAt = this.#clock.now() + delayMs
    entry.ticket = ++this.#lastTicket
    this.#ready.add(entry.priority, entry.dueAt, entry.ticket, entry.slot)
    return entry.dueAt
  }

  /** Whether it was there. */
  remove(id: string): boolean {
    const entry = this.#entries.get(id)
    if (entry !== undefined) this.#remove(entry)
    return entry !== undefined
  }

  has(id: string): boolean {
    return this.#entries.has(id)
  }

  size(): { waiting: number; delayed: number; leased: number } {
    const waiting = this.#ready.countDue(this.#takeBack())
    return { waiting, delayed: this.#ready.size - waiting, leased: this.#leases.size }
  }

  hasClaimable(): boolean {
    return !this.paused && this.#ready.next(this.#takeBack()) !== undefined
  }

  /** The first instant after `at` at which time alone makes something claimable: an id comes due or a lease ends. Infinity: never. */
  nextAfter(at: number): number {
    if (this.paused) return Number.POSITIVE_INFINITY
    return Math.min(this.#ready.nextAfter(at), this.#leases.nextAfter(at))
  }

  /** Puts back what leases have ended; gives now. */
  #takeBack(): number {
    const now = this.#clock.now()
    while (this.#leases.headAt <= now) {
      const entry = this.#bySlot[this.#leases.shift()]!
      entry.lease = undefined
      this.#ready.add(entry.priority, entry.dueAt, entry.ticket, entry.slot)
    }
    return now
  }

  #takeNext(strategy: BrokerStrategy, now: number): number {
    if (strategy === 'lifo') return this.#ready.takeNewest(now)
    const level = strategy === 'fifo' ? this.#ready.oldest(now) : this.#ready.next(now)
    return level === undefined ? -1 : this.#ready.take(level)
  }

  #isLive(entry: Entry | undefined, receipt: string): boolean {
    const lease = entry?.lease
    return lease !== undefined && lease.receipt === receipt && lease.until > this.#clock.now()
  }

  #remove(entry: Entry): void {
    if (entry.lease === undefined) this.#ready.remove(entry.priority, entry.dueAt, entry.ticket)
    else this.#leases.remove(entry.lease.until, entry.slot)
    this.#entries.delete(entry.id)
    this.#bySlot[entry.slot] = undefined
    this.#freeSlots.push(entry.slot)
  }
}
