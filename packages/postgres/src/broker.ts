import {
  type BrokerStrategy,
  type ClaimOptions,
  checkName,
  type IBrokerEngine,
  InvalidArgumentError,
  type Lease,
  LeaseLostError,
  type NackItem,
  PRIORITY_MAX,
  PRIORITY_MIN,
  type PublishItem,
  type QueueSize,
  type ReceiptItem,
  type Traits,
} from '@sched/core/adapter'
import type { Backend } from './backend.ts'
import { waitForWake } from './broker-waits.ts'
import { inChunks } from './chunks.ts'
import { ClaimedFrom } from './claimed-from.ts'
import type { Row } from './database.ts'
import { PostgresAdapter } from './postgres-adapter.ts'
import { QueueWatch } from './queue-watch.ts'
import { BROKER } from './statements.ts'
import { wakeKey } from './wake-key.ts'

const STRATEGIES: readonly BrokerStrategy[] = ['priority', 'fifo', 'lifo']
/** Most ids of one statement. */
const BATCH = 1_000
/** How often a watch looks for itself: with LISTEN only against lost hints, without it that is all there is. */
const POLL_MS = { listening: 5_000, alone: 500 } as const

/** Queues in one table: every step is one statement, decided by the server's clock. */
export class PostgresBroker extends PostgresAdapter implements IBrokerEngine {
  readonly traits: Partial<Traits> = {
    clock: 'server',
    durability: 'server',
    receipts: true,
    strategies: STRATEGIES,
  }
  readonly #claimedFrom = new ClaimedFrom()
  readonly #stops = new Set<() => void>()
  /** Queues of which a claim was refused a place by `maxActive`. */
  readonly #limited = new Set<string>()
  /** Called when the broker closes. */
  readonly #onClose = new Set<() => void>()

  constructor(backend: Backend) {
    super(backend, 'the PostgreSQL broker')
  }

  async publish(name: string, id: string, delayMs?: number, priority?: number): Promise<void> {
    await this.publishMany(name, [
      { id, ...(delayMs !== undefined && { delayMs }), ...(priority !== undefined && { priority }) },
    ])
  }

  async publishMany(name: string, items: readonly PublishItem[]): Promise<void> {
    this.#checkName(name)
    const rows = new Map<string, { delayMs: number; priority: number }>()
    for (const { id, delayMs = 0, priority = 0 } of items) {
      checkName(id, 'id')
      checkDelay(delayMs)
      checkPriority(priority)
      const before = rows.get(id)
      rows.set(id, {
        delayMs: Math.min(delayMs, before?.delayMs ?? delayMs),
        priority: Math.max(priority, before?.priority ?? priority),
      })
    }
    for (const chunk of inChunks([...rows], BATCH)) {
      await this.run(BROKER.publish, [
        this.prefix,
        name,
        chunk.map(([id]) => id),
        chunk.map(([, row]) => row.delayMs),
        chunk.map(([, row]) => row.priority),
      ])
    }
    if (rows.size > 0) this.#tell(name)
  }

  async claim(
    name: string,
    consumerId: string,
    limit: number,
    leaseMs: number,
    strategy: BrokerStrategy = 'priority',
  ): Promise<string[]> {
    const leases = await this.claimLeases(name, consumerId, limit, leaseMs, { strategy })
    return leases.map((lease) => lease.id)
  }

  async claimLeases(
    name: string,
    consumerId: string,
    limit: number,
    leaseMs: number,
    options: ClaimOptions = {},
  ): Promise<Lease[]> {
    this.guard()
    checkName(consumerId, 'consumerId')
    if (!Number.isSafeInteger(limit) || limit < 0)
      throw new InvalidArgumentError(`limit must be a non-negative integer, not ${limit}`)
    checkPositive(leaseMs, 'leaseMs')
    const { strategy = 'priority', maxActive } = options
    checkStrategy(strategy)
    if (maxActive !== undefined) checkPositive(maxActive, 'maxActive')
    this.#checkName(name)
    const leases: Lease[] = []
    while (leases.length < limit) {
      const wanted = Math.min(limit - leases.length, BATCH)
      const rows = await this.run(BROKER.claim, [
        this.prefix,
        name,
        consumerId,
        wanted,
        leaseMs,
        strategy,
        maxActive ?? null,
      ])
      for (const [id, receipt, deliveries, due] of rows as readonly (readonly string[])[]) {
        this.#claimedFrom.add(consumerId, id as string, name)
        leases.push({
          id: id as string,
          receipt: receipt as string,
          deliveries: Number(deliveries),
          dueAt: Math.floor(Number(due) / 1000),
        })
      }
      if (rows.length < wanted) break
    }
    if (maxActive !== undefined && leases.length < limit) this.#limited.add(name)
    return leases
  }

  async claimBlocking(
    name: string,
    consumerId: string,
    leaseMs: number,
    timeoutMs: number,
    strategy: BrokerStrategy = 'priority',
    signal?: AbortSignal,
  ): Promise<string | null> {
    this.guard()
    if (!(timeoutMs >= 0))
      throw new InvalidArgumentError(`timeoutMs must be 0 or more milliseconds, not ${timeoutMs}`)
    const end = performance.now() + timeoutMs
    const stopped = (): boolean => this.closed || signal?.aborted === true
    const claim = async (): Promise<string | null> => {
      if (stopped()) return null
      try {
        const [id] = await this.claim(name, consumerId, 1, leaseMs, strategy)
        return id ?? null
      } catch (error) {
        // closed while it was under way: whoever waits is told that there is nothing
        if (this.closed) return null
        throw error
      }
    }
    const first = await claim()
    if (first !== null || timeoutMs === 0 || stopped()) return first
    try {
      return await waitForWake(
        {
          watch: (onWake) => this.#watch([name], onWake),
          claim,
          stopped,
          onStop: (callback) => this.#onStop(callback, signal),
        },
        end,
      )
    } catch (error) {
      if (this.closed) return null
      throw error
    }
  }

  async extendLock(
    id: string,
    consumerId: string,
    leaseMs: number,
    name?: string,
    receipt?: string,
  ): Promise<void> {
    this.guard()
    checkName(id, 'id')
    checkName(consumerId, 'consumerId')
    checkPositive(leaseMs, 'leaseMs')
    const queue = name ?? this.#claimedFrom.get(consumerId, id)
    if (queue !== undefined) {
      const item: ReceiptItem = receipt === undefined ? { id } : { id, receipt }
      const [extended] = await this.extendMany(queue, consumerId, leaseMs, [item])
      if (extended === true) return
    }
    throw new LeaseLostError(
      `the lease of ${id} by ${consumerId} is not live: it ended, was given back, or never was; stop working on it`,
    )
  }

  async extendMany(
    name: string,
    consumerId: string,
    leaseMs: number,
    items: readonly ReceiptItem[],
  ): Promise<boolean[]> {
    checkName(consumerId, 'consumerId')
    checkPositive(leaseMs, 'leaseMs')
    for (const { id } of items) checkName(id, 'id')
    const extended = await this.#each(name, items, (chunk) =>
      this.run(BROKER.extend, [this.prefix, name, consumerId, leaseMs, idsOf(chunk), receiptsOf(chunk)]),
    )
    return items.map((item) => extended.has(keyOf(item)))
  }

  async ack(name: string, id: string, receipt?: string): Promise<boolean> {
    const [acked] = await this.ackMany(name, [receipt === undefined ? { id } : { id, receipt }])
    return acked === true
  }

  async ackMany(name: string, items: readonly ReceiptItem[]): Promise<boolean[]> {
    for (const { id } of items) checkName(id, 'id')
    const acked = await this.#each(name, items, (chunk) =>
      this.run(BROKER.ack, [this.prefix, name, idsOf(chunk), receiptsOf(chunk)]),
    )
    if (acked.size > 0) this.#freed(name)
    return answersOf(items, acked)
  }

  async nack(name: string, id: string, delayMs?: number, receipt?: string): Promise<boolean> {
    const item: NackItem = {
      id,
      ...(delayMs !== undefined && { delayMs }),
      ...(receipt !== undefined && { receipt }),
    }
    const [given] = await this.nackMany(name, [item])
    return given === true
  }

  async nackMany(name: string, items: readonly NackItem[]): Promise<boolean[]> {
    for (const { id, delayMs = 0 } of items) {
      checkName(id, 'id')
      checkDelay(delayMs)
    }
    const given = await this.#each(name, items, (chunk) =>
      this.run(BROKER.nack, [
        this.prefix,
        name,
        idsOf(chunk),
        chunk.map(({ delayMs = 0 }) => delayMs),
        receiptsOf(chunk),
      ]),
    )
    if (given.size > 0) this.#tell(name)
    return answersOf(items, given)
  }

  async remove(name: string, id: string): Promise<boolean> {
    this.#checkName(name)
    checkName(id, 'id')
    const removed = (await this.run(BROKER.remove, [this.prefix, name, id])).length > 0
    if (removed) this.#freed(name)
    return removed
  }

  async pause(name: string): Promise<void> {
    this.#checkName(name)
    await this.run(BROKER.pause, [this.prefix, name, true])
  }

  async resume(name: string): Promise<void> {
    this.#checkName(name)
    await this.run(BROKER.pause, [this.prefix, name, false])
    this.#tell(name)
  }

  async isPaused(name: string): Promise<boolean> {
    this.#checkName(name)
    const [row] = await this.run(BROKER.isPaused, [this.prefix, name])
    return row?.[0] === 't'
  }

  async has(name: string, ids: readonly string[]): Promise<boolean[]> {
    this.#checkName(name)
    for (const id of ids) checkName(id, 'id')
    const found = new Set<string>()
    for (const chunk of inChunks(ids, BATCH))
      for (const [id] of await this.run(BROKER.has, [this.prefix, name, chunk])) found.add(id as string)
    return ids.map((id) => found.has(id))
  }

  async size(name: string): Promise<QueueSize> {
    this.#checkName(name)
    const [row] = await this.run(BROKER.size, [this.prefix, name])
    return { waiting: Number(row?.[0] ?? 0), delayed: Number(row?.[1] ?? 0), leased: Number(row?.[2] ?? 0) }
  }

  async nextDueIn(name: string): Promise<number | null> {
    this.#checkName(name)
    return (await this.#nextDue([name]))?.inMs ?? null
  }

  async subscribe(names: readonly string[], onWake: (name: string) => void): Promise<() => Promise<void>> {
    for (const name of names) this.#checkName(name)
    const stop = await this.#watch([...new Set(names)], onWake)
    return async () => stop()
  }

  async incarnation(): Promise<string> {
    for (;;) {
      const [row] = await this.run(BROKER.incarnation, [this.prefix])
      if (row !== undefined) return row[0] as string
    }
  }

  override async close(): Promise<void> {
    if (this.closed) return
    for (const stop of [...this.#stops]) stop()
    await super.close()
    for (const callback of [...this.#onClose]) callback()
  }

  #onStop(callback: () => void, signal: AbortSignal | undefined): () => void {
    this.#onClose.add(callback)
    signal?.addEventListener('abort', callback)
    return () => {
      this.#onClose.delete(callback)
      signal?.removeEventListener('abort', callback)
    }
  }

  /** In bounded statements; the ids that one of them named. */
  async #each<T extends ReceiptItem>(
    name: string,
    items: readonly T[],
    run: (chunk: readonly T[]) => Promise<readonly Row[]>,
  ): Promise<ReadonlySet<string>> {
    this.#checkName(name)
    const ids = new Set<string>()
    for (const chunk of inChunks(items, BATCH))
      for (const [id, receipt] of await run(chunk)) ids.add(keyOf({ id: id as string, receipt }))
    return ids
  }

  async #nextDue(names: readonly string[]): Promise<{ readonly name: string; readonly inMs: number } | null> {
    const [row] = await this.run(BROKER.nextDue, [this.prefix, names])
    return row === undefined ? null : { name: row[0] as string, inMs: Number(row[1]) }
  }

  async #watch(names: readonly string[], onWake: (name: string) => void): Promise<() => void> {
    this.guard()
    const { listen, logger } = this.backend.settings
    const stopWatch = await QueueWatch.start({
      wakes: this.backend.wakes,
      names: new Map(names.map((name) => [this.#wakeKey(name), name])),
      onWake,
      nextDue: () => this.#nextDue(names),
      pollMs: listen === false ? POLL_MS.alone : POLL_MS.listening,
      onFault: (error) => logger.warn('looking for what is due next failed; it goes on', { error }),
    })
    const stop = (): void => {
      this.#stops.delete(stop)
      stopWatch()
    }
    this.#stops.add(stop)
    if (this.closed) stop()
    return stop
  }

  /** A place under `maxActive` may be free again. */
  #freed(name: string): void {
    if (this.#limited.delete(name)) this.#tell(name)
  }

  #tell(name: string): void {
    this.#limited.delete(name)
    this.backend.wakes.tell([this.#wakeKey(name)])
  }

  #wakeKey(name: string): string {
    return wakeKey('queue', this.prefix, name)
  }

  #checkName(name: string): void {
    this.guard()
    checkName(name, 'name')
  }
}

/** NUL is in no id. */
function keyOf({
  id,
  receipt,
}: {
  readonly id: string
  readonly receipt?: string | null | undefined
}): string {
  return `${id}\0${receipt ?? ''}`
}

function idsOf(items: readonly ReceiptItem[]): readonly string[] {
  return items.map(({ id }) => id)
}

function receiptsOf(items: readonly ReceiptItem[]): readonly (string | null)[] {
  return items.map(({ receipt }) => receipt ?? null)
}

/** Without a receipt there is nothing that could be gone; one that is named twice proves its lease once. */
function answersOf(items: readonly ReceiptItem[], done: ReadonlySet<string>): boolean[] {
  const left = new Set(done)
  return items.map(({ id, receipt }) => receipt === undefined || left.delete(keyOf({ id, receipt })))
}

function checkStrategy(strategy: BrokerStrategy): void {
  if (STRATEGIES.includes(strategy)) return
  throw new InvalidArgumentError(`strategy must be one of ${STRATEGIES.join(', ')}, not ${String(strategy)}`)
}

function checkPositive(value: number, what: string): void {
  if (Number.isSafeInteger(value) && value > 0) return
  throw new InvalidArgumentError(`${what} must be a positive integer, not ${value}`)
}

function checkDelay(delayMs: number): void {
  if (Number.isFinite(delayMs) && delayMs >= 0) return
  throw new InvalidArgumentError(`delayMs must be 0 or more milliseconds, not ${delayMs}`)
}

function checkPriority(priority: number): void {
  if (Number.isInteger(priority) && priority >= PRIORITY_MIN && priority <= PRIORITY_MAX) return
  throw new InvalidArgumentError(
    `priority must be an integer from ${PRIORITY_MIN} to ${PRIORITY_MAX}, not ${priority}`,
  )
}
