import { randomUUID } from 'node:crypto'
import {
  type BrokerStrategy,
  type ClaimOptions,
  checkName,
  type IBrokerEngine,
  InvalidArgumentError,
  type Lease,
  LeaseLostError,
  PRIORITY_MAX,
  PRIORITY_MIN,
  type Traits,
  UnsupportedError,
} from '@sched/core/adapter'
import { checkCount } from './filter.ts'
import { Folder, type FolderOptions } from './folder.ts'

/** An id that is waiting, delayed (due later) or, with a lease, claimed. */
interface Entry {
  id: string
  priority: number
  /** Epoch milliseconds. */
  due: number
  /** The order of publishing. */
  seq: number
  deliveries: number
  lease?: { consumer: string; receipt: string; until: number }
}

interface Queue {
  entries: Entry[]
  paused: boolean
  next: number
}

const empty = (): Queue => ({ entries: [], paused: false, next: 0 })

/** Queues on files: one each. Ids come by priority, due time and order of publishing; other strategies it does not have, and says so. */
export class FileBroker implements IBrokerEngine {
  readonly traits: Partial<Traits> = {
    clock: 'process',
    durability: 'server',
    receipts: true,
    strategies: ['priority'],
  }
  readonly #folder: Folder
  /** For extendLock without a queue: where this node claimed what, for whom. */
  readonly #claimedFrom = new Map<string, string>()

  constructor(options: FolderOptions) {
    this.#folder = new Folder('broker', options)
  }

  ready(): Promise<void> {
    return this.#folder.ready()
  }

  async ping(): Promise<void> {
    await this.#folder.look('ping', empty)
  }

  close(): Promise<void> {
    return this.#folder.close()
  }

  async publish(name: string, id: string, delayMs = 0, priority = 0): Promise<void> {
    checkNames({ name, id })
    checkDelay(delayMs)
    if (!Number.isInteger(priority) || priority < PRIORITY_MIN || priority > PRIORITY_MAX)
      throw new InvalidArgumentError(
        `priority must be an integer from ${PRIORITY_MIN} to ${PRIORITY_MAX}, not ${priority}`,
      )
    await this.#folder.change(name, empty, (queue) => {
      const due = Date.now() + delayMs
      const known = queue.entries.find((entry) => entry.id === id)
      if (!known) queue.entries.push({ id, priority, due, seq: queue.next++, deliveries: 0 })
      else if (!isLeased(known)) {
        known.due = Math.min(known.due, due)
        known.priority = Math.max(known.priority, priority)
      }
    })
  }

  async claim(
    name: string,
    consumerId: string,
    limit: number,
    leaseMs: number,
    strategy: BrokerStrategy = 'priority',
  ): Promise<string[]> {
    return (await this.claimLeases(name, consumerId, limit, leaseMs, { strategy })).map((lease) => lease.id)
  }

  async claimLeases(
    name: string,
    consumerId: string,
    limit: number,
    leaseMs: number,
    options: ClaimOptions = {},
  ): Promise<Lease[]> {
    checkNames({ name, consumerId })
    if (limit === undefined) throw new InvalidArgumentError('limit must be a whole number from 0 on')
    checkCount(limit, 'limit')
    checkLease(leaseMs)
    const { strategy = 'priority', maxActive = Number.POSITIVE_INFINITY } = options
    if (strategy !== 'priority')
      throw new UnsupportedError(`the file broker has no strategy ${strategy}: it has priority`)
    const leases = await this.#folder.change(name, empty, (queue) => {
      const now = Date.now()
      if (queue.paused) return []
      const free = maxActive - queue.entries.filter(isLeased).length
      return queue.entries
        .filter((entry) => entry.due <= now && !isLeased(entry))
        .sort((a, b) => b.priority - a.priority || a.due - b.due || a.seq - b.seq)
        .slice(0, Math.max(0, Math.min(limit, free)))
        .map((entry): Lease => {
          entry.deliveries++
          entry.lease = { consumer: consumerId, receipt: randomUUID(), until: now + leaseMs }
          return {
            id: entry.id,
            receipt: entry.lease.receipt,
            deliveries: entry.deliveries,
            dueAt: entry.due,
          }
        })
    })
    for (const { id } of leases) this.#claimedFrom.set(JSON.stringify([id, consumerId]), name)
    return leases
  }

  async extendLock(
    id: string,
    consumerId: string,
    leaseMs: number,
    name?: string,
    receipt?: string,
  ): Promise<void> {
    checkNames({ id, consumerId })
    checkLease(leaseMs)
    this.#folder.guard()
    const queueName = name ?? this.#claimedFrom.get(JSON.stringify([id, consumerId]))
    const extended =
      queueName !== undefined &&
      (await this.#folder.change(queueName, empty, (queue) => {
        const entry = queue.entries.find((known) => known.id === id)
        if (!entry?.lease || !isLeased(entry) || entry.lease.consumer !== consumerId) return false
        if (receipt !== undefined && receipt !== entry.lease.receipt) return false
        entry.lease.until = Date.now() + leaseMs
        return true
      }))
    if (!extended) throw new LeaseLostError(`the lease of ${id} is gone: stop working on it`)
  }

  async ack(name: string, id: string, receipt?: string): Promise<boolean> {
    checkNames({ name, id })
    return this.#folder.change(name, empty, (queue) => {
      const at = queue.entries.findIndex((entry) => entry.id === id)
      if (receipt !== undefined && !isHeld(queue.entries[at], receipt)) return false
      if (at >= 0) queue.entries.splice(at, 1)
      return true
    })
  }

  async nack(name: string, id: string, delayMs = 0, receipt?: string): Promise<boolean> {
    checkNames({ name, id })
    checkDelay(delayMs)
    return this.#folder.change(name, empty, (queue) => {
      const entry = queue.entries.find((known) => known.id === id)
      if (receipt !== undefined && !isHeld(entry, receipt)) return false
      if (entry?.lease) {
        delete entry.lease
        entry.due = Date.now() + delayMs
        // behind its equals: a poison job must not stay at the head
        entry.seq = queue.next++
      }
      return true
    })
  }

  async pause(name: string): Promise<void> {
    await this.#setPaused(name, true)
  }

  async resume(name: string): Promise<void> {
    await this.#setPaused(name, false)
  }

  async #setPaused(name: string, paused: boolean): Promise<void> {
    checkNames({ name })
    await this.#folder.change(name, empty, (queue) => {
      queue.paused = paused
    })
  }
}

function isLeased({ lease }: Entry): boolean {
  return lease !== undefined && lease.until > Date.now()
}

function isHeld(entry: Entry | undefined, receipt: string): boolean {
  return entry !== undefined && isLeased(entry) && entry.lease?.receipt === receipt
}

function checkNames(names: Readonly<Record<string, unknown>>): void {
  for (const [what, name] of Object.entries(names)) checkName(name, what)
}

function checkDelay(delayMs: number): void {
  if (!(Number.isFinite(delayMs) && delayMs >= 0))
    throw new InvalidArgumentError(`delayMs must be a number from 0 on, not ${delayMs}`)
}

function checkLease(leaseMs: number): void {
  if (!(Number.isSafeInteger(leaseMs) && leaseMs > 0))
    throw new InvalidArgumentError(`leaseMs must be a whole number of milliseconds above 0, not ${leaseMs}`)
}
