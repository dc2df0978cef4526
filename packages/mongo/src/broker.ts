import { randomUUID } from 'node:crypto'
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
import { BlockedClaims } from './blocked-claims.ts'
import { checkDelay, checkPositive, checkPriority, checkStrategy, STRATEGIES } from './broker-arguments.ts'
import { claimEntries } from './broker-claim.ts'
import { BrokerWatches } from './broker-watches.ts'
import { keyUnder } from './collections.ts'
import { ackEntries } from './commands/broker-ack.ts'
import { extendEntries } from './commands/broker-extend.ts'
import { findEntries } from './commands/broker-has.ts'
import { incarnationOf } from './commands/broker-incarnation.ts'
import { nackEntries } from './commands/broker-nack.ts'
import { nextDueIn } from './commands/broker-next-due.ts'
import { isQueuePaused, pauseQueue, resumeQueue } from './commands/broker-pause.ts'
import { publishEntries } from './commands/broker-publish.ts'
import { removeEntry } from './commands/broker-remove.ts'
import { countEntries } from './commands/broker-size.ts'
import { type EntryId, FOREVER_MS } from './commands/entry-document.ts'
import { durabilityOf, MongoAdapter } from './mongo-adapter.ts'
import { tokenOf } from './receipt.ts'
import { Sequence } from './sequence.ts'

/** Most ids of one command. */
const BATCH = 1_000

/** Queues in one collection: every id changes hands in one step, decided by the server's clock. */
export class MongoBroker extends MongoAdapter implements IBrokerEngine {
  readonly #claimedFrom = new ClaimedFrom()
  readonly #sequence = new Sequence()
  readonly #blocked = new BlockedClaims((name, onWake) => this.#watch([name], onWake))
  /** Queues from which this broker claimed under a `maxActive`: what ends there makes room. */
  readonly #limited = new Set<string>()
  readonly #watches: BrokerWatches

  constructor(backend: Backend) {
    super(backend, 'the MongoDB broker')
    this.#watches = new BrokerWatches(backend)
  }

  get traits(): Partial<Traits> {
    return {
      clock: 'server',
      durability: durabilityOf(this.backend),
      receipts: true,
      strategies: STRATEGIES,
    }
  }

  async publish(name: string, id: string, delayMs?: number, priority?: number): Promise<void> {
    await this.publishMany(name, [
      { id, ...(delayMs !== undefined && { delayMs }), ...(priority !== undefined && { priority }) },
    ])
  }

  async publishMany(name: string, items: readonly PublishItem[]): Promise<void> {
    const q = this.#key(name)
    const rows = items.map(({ id, delayMs = 0, priority = 0 }) => {
      checkDelay(delayMs)
      checkPriority(priority)
      return { id: idOf(q, id), delayMs: Math.min(delayMs, FOREVER_MS), priority, seq: this.#sequence.next() }
    })
    for (const chunk of inChunks(rows, BATCH)) {
      await publishEntries(this.backend.connection, chunk)
      this.#watches.signal(name)
    }
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
    const q = this.#key(name)
    checkName(consumerId, 'consumerId')
    if (!Number.isSafeInteger(limit) || limit < 0)
      throw new InvalidArgumentError(`limit must be a non-negative integer, not ${limit}`)
    checkPositive(leaseMs, 'leaseMs')
    const { strategy = 'priority', maxActive } = options
    checkStrategy(strategy)
    if (maxActive !== undefined) {
      checkPositive(maxActive, 'maxActive')
      this.#limited.add(name)
    }
    if (limit === 0) return []
    const claim = { q, consumer: consumerId, limit, leaseMs, strategy, maxActive }
    const leases = await claimEntries(this.backend.connection, claim)
    for (const { id } of leases) this.#claimedFrom.add(consumerId, id, name)
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
    // it may have stopped while it waited for its turn
    const claimOne = async (): Promise<string | null> =>
      this.closed || signal?.aborted === true
        ? null
        : ((await this.claim(name, consumerId, 1, leaseMs, strategy))[0] ?? null)
    return await claimBlocked(
      {
        watch: (onWake) => this.#blocked.watch(name, onWake),
        claim: (isFirst) => (isFirst ? claimOne() : this.#blocked.claim(name, claimOne)),
        isClosed: () => this.closed,
        onStop: (callback) => this.#watches.onStop(callback, signal),
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
    const q = this.#key(name)
    checkName(consumerId, 'consumerId')
    checkPositive(leaseMs, 'leaseMs')
    const rows = items.map(({ id, receipt }) => ({ id: idOf(q, id), token: tokenOf(id, receipt) }))
    const answers: boolean[] = []
    const extension = { consumer: consumerId, leaseMs: Math.min(leaseMs, FOREVER_MS), callId: randomUUID() }
    for (const chunk of inChunks(rows, BATCH))
      answers.push(...(await extendEntries(this.backend.connection, chunk, extension)))
    return answers
  }

  async ack(name: string, id: string, receipt?: string): Promise<boolean> {
    const [acked] = await this.ackMany(name, [receipt === undefined ? { id } : { id, receipt }])
    return acked === true
  }

  async ackMany(name: string, items: readonly ReceiptItem[]): Promise<boolean[]> {
    const q = this.#key(name)
    const rows = items.map(({ id, receipt }) => ({ id: idOf(q, id), token: tokenOf(id, receipt) }))
    const answers: boolean[] = []
    for (const chunk of inChunks(rows, BATCH))
      answers.push(...(await ackEntries(this.backend.connection, chunk)))
    this.#freed(name)
    return answers
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
    const q = this.#key(name)
    const rows = items.map(({ id, delayMs = 0, receipt }) => {
      checkDelay(delayMs)
      return {
        id: idOf(q, id),
        delayMs: Math.min(delayMs, FOREVER_MS),
        token: tokenOf(id, receipt),
        seq: this.#sequence.next(),
      }
    })
    const answers: boolean[] = []
    for (const chunk of inChunks(rows, BATCH))
      answers.push(...(await nackEntries(this.backend.connection, chunk, randomUUID())))
    if (answers.length > 0) this.#watches.signal(name)
    return answers
  }

  async remove(name: string, id: string): Promise<boolean> {
    const removed = await removeEntry(this.backend.connection, idOf(this.#key(name), id))
    this.#freed(name)
    return removed
  }

  async pause(name: string): Promise<void> {
    await pauseQueue(this.backend.connection, this.#key(name))
  }

  async resume(name: string): Promise<void> {
    await resumeQueue(this.backend.connection, this.#key(name))
    this.#watches.signal(name)
  }

  async isPaused(name: string): Promise<boolean> {
    return await isQueuePaused(this.backend.connection, this.#key(name))
  }

  async has(name: string, ids: readonly string[]): Promise<boolean[]> {
    const q = this.#key(name)
    const rows = ids.map((id) => idOf(q, id))
    const answers: boolean[] = []
    for (const chunk of inChunks(rows, BATCH)) {
      const found = await findEntries(this.backend.connection, chunk)
      for (const { i } of chunk) answers.push(found.has(i))
    }
    return answers
  }

  async size(name: string): Promise<QueueSize> {
    return await countEntries(this.backend.connection, this.#key(name))
  }

  async nextDueIn(name: string): Promise<number | null> {
    return await nextDueIn(this.backend.connection, this.#key(name))
  }

  async subscribe(names: readonly string[], onWake: (name: string) => void): Promise<() => Promise<void>> {
    this.guard()
    for (const name of names) checkName(name, 'name')
    const stop = await this.#watch([...new Set(names)], onWake)
    return async () => stop()
  }

  async incarnation(): Promise<string> {
    this.guard()
    return await incarnationOf(this.backend.connection)
  }

  override async close(): Promise<void> {
    if (this.closed) return
    const closing = super.close()
    this.#watches.close()
    await closing
  }

  async #watch(names: readonly string[], onWake: (name: string) => void): Promise<() => void> {
    return await this.#watches.watch(new Map(names.map((name) => [this.#key(name), name])), onWake)
  }

  #freed(name: string): void {
    if (this.#limited.has(name)) this.#watches.signal(name)
  }

  #key(name: string): string {
    this.guard()
    checkName(name, 'name')
    return keyUnder(this.backend.settings.prefix, name)
  }
}

function idOf(q: string, id: string): EntryId {
  checkName(id, 'id')
  return { q, i: id }
}
