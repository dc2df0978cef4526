import {
  type BrokerStrategy,
  ClaimedFrom,
  type ClaimOptions,
  checkName,
  claimBlocked,
  type IBrokerEngine,
  InvalidArgumentError,
  inChunks,
  type Lease,
  LeaseLostError,
  type NackItem,
  type PublishItem,
  type QueueSize,
  type ReceiptItem,
  type Traits,
} from '@sched/core/adapter'
import type { Backend } from './backend.ts'
import {
  answersOf,
  checkDelay,
  checkPositive,
  checkPriority,
  checkStrategy,
  idsOf,
  keyOf,
  receiptsOf,
  STRATEGIES,
} from './broker-arguments.ts'
import { BrokerWakes } from './broker-wakes.ts'
import type { Row } from './database.ts'
import { PostgresAdapter } from './postgres-adapter.ts'
import type { NextDue } from './queue-watch.ts'
import { BROKER } from './statements.ts'

/** Most ids of one statement. */
const BATCH = 1_000
/** Queues in one table: every step is one statement, decided by the server's clock. */
export class PostgresBroker extends PostgresAdapter implements IBrokerEngine {
  readonly traits: Partial<Traits> = {
    clock: 'server',
    durability: 'server',
    receipts: true,
    strategies: STRATEGIES,
  }
  readonly #claimedFrom = new ClaimedFrom()
  readonly #wakes: BrokerWakes

  constructor(backend: Backend) {
    super(backend, 'the PostgreSQL broker')
    this.#wakes = new BrokerWakes(backend, (names) => this.#nextDue(names))
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
    if (rows.size > 0) this.#wakes.tell(name)
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
    if (maxActive !== undefined && leases.length < limit) this.#wakes.limited(name)
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
    const claimOne = async (): Promise<string | null> =>
      (await this.claim(name, consumerId, 1, leaseMs, strategy))[0] ?? null
    return await claimBlocked(
      {
        watch: (onWake) => this.#watch([name], onWake),
        claim: claimOne,
        isClosed: () => this.closed,
        onStop: (callback) => this.#wakes.onStop(callback, signal),
      },
      timeoutMs,
      signal,
    )
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
    if (acked.size > 0) this.#wakes.freed(name)
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
    if (given.size > 0) this.#wakes.tell(name)
    return answersOf(items, given)
  }

  async remove(name: string, id: string): Promise<boolean> {
    this.#checkName(name)
    checkName(id, 'id')
    const removed = (await this.run(BROKER.remove, [this.prefix, name, id])).length > 0
    if (removed) this.#wakes.freed(name)
    return removed
  }

  async pause(name: string): Promise<void> {
    this.#checkName(name)
    await this.run(BROKER.pause, [this.prefix, name, true])
  }

  async resume(name: string): Promise<void> {
    this.#checkName(name)
    await this.run(BROKER.pause, [this.prefix, name, false])
    this.#wakes.tell(name)
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
    const [next] = await this.#nextDue([name])
    return next?.inMs ?? null
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
    this.#wakes.stopWatches()
    const closing = super.close()
    // closed from here on, which is what they see when they are called
    this.#wakes.endWaits()
    await closing
  }

  /** In bounded statements; the ids that one of them named. */
  async #each<T extends ReceiptItem>(
    name: string,
    items: readonly T[],
    run: (chunk: readonly T[]) => Promise<readonly Row[]>,
  ): Promise<ReadonlySet<string>> {
    this.#checkName(name)
    const ids = new Set<string>()
    for (const chunk of inChunks(items, BATCH)) {
      for (const [id, receipt] of await run(chunk)) {
        ids.add(keyOf({ id: id as string, receipt }))
        // an item may have named it without a receipt
        ids.add(keyOf({ id: id as string }))
      }
    }
    return ids
  }

  async #nextDue(names: readonly string[]): Promise<readonly NextDue[]> {
    const rows = await this.run(BROKER.nextDue, [this.prefix, names])
    return rows.map(([name, inMs]) => ({ name: name as string, inMs: Number(inMs) }))
  }

  async #watch(names: readonly string[], onWake: (name: string) => void): Promise<() => void> {
    this.guard()
    const stop = await this.#wakes.watch(names, onWake)
    if (this.closed) stop()
    return stop
  }

  #checkName(name: string): void {
    this.guard()
    checkName(name, 'name')
  }
}
