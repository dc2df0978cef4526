import {
  type BrokerStrategy,
  ClaimedFrom,
  type ClaimOptions,
  checkName,
  claimBlocked,
  type IBrokerEngine,
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
import type { Argument } from './bare-command.ts'
import {
  checkClaim,
  checkDelay,
  checkPositive,
  checkPriority,
  receiptText,
  STRATEGIES,
} from './broker-arguments.ts'
import { type BrokerHandOvers, leaseOf } from './broker-hand-overs.ts'
import { BrokerHubs } from './broker-hubs.ts'
import { BROKER_SCRIPTS } from './broker-scripts.ts'
import { brokerBase, hubsKey, metaKey, queueBase, wakeKey } from './keys.ts'
import { RedisAdapter } from './redis-adapter.ts'
import type { Script } from './scripts.ts'

/** Most ids of one script call: longer ones would hold up everybody else on the server. */
const BATCH = 500
/** The keys of so many queues are remembered. */
const MOST_KEYS = 1_000

/** Queues in sorted sets: every step is one script on the keys of one queue, decided by the server's clock. */
export class RedisBroker extends RedisAdapter implements IBrokerEngine {
  readonly traits: Partial<Traits> = {
    clock: 'server',
    durability: 'server',
    receipts: true,
    strategies: STRATEGIES,
  }
  readonly #claimedFrom = new ClaimedFrom()
  readonly #keysOf = new Map<string, readonly string[]>()
  readonly #hubs: BrokerHubs
  readonly #handOvers: BrokerHandOvers | undefined

  constructor(backend: Backend) {
    super(backend, 'the Redis broker')
    this.#hubs = new BrokerHubs(backend)
    this.#handOvers = backend.openBrokerHandOvers(brokerBase(backend.settings.prefix, ''), () =>
      this.#hubs.refresh(),
    )
  }

  async publish(name: string, id: string, delayMs?: number, priority?: number): Promise<void> {
    await this.publishMany(name, [
      { id, ...(delayMs !== undefined && { delayMs }), ...(priority !== undefined && { priority }) },
    ])
  }

  async publishMany(name: string, items: readonly PublishItem[]): Promise<void> {
    const rows = items.map(({ id, delayMs = 0, priority = 0 }) => {
      checkName(id, 'id')
      checkDelay(delayMs)
      checkPriority(priority)
      return [id, delayMs, priority]
    })
    await this.#each(BROKER_SCRIPTS.publish, name, rows)
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
    checkClaim(consumerId, limit, leaseMs, options)
    const { strategy = 'priority', maxActive } = options
    const leases: Lease[] = []
    const keys = this.#keys(name)
    const key = `${name}\0${consumerId}`
    const open = limit > 0 && maxActive === undefined ? this.#openClaim(key, name, consumerId, options) : []
    while (leases.length < limit) {
      const wanted = Math.min(limit - leases.length, BATCH)
      const args = [consumerId, wanted, leaseMs, strategy, maxActive ?? -1, ...open]
      const answer = (await this.run(BROKER_SCRIPTS.claim, keys, args)) as string
      const parts = answer === '' ? [] : answer.split('\0')
      const given = Math.floor(parts.length / 4)
      const handed = parts.length % 4 === 1 ? parts.shift() : undefined
      if (handed !== undefined && this.#handOvers?.takes(key, handed) !== true) parts.splice(0, 4)
      for (let i = 0; i < parts.length; i += 4) {
        const lease = leaseOf(parts.slice(i, i + 4))
        this.#claimedFrom.add(consumerId, lease.id, name)
        leases.push(lease)
      }
      if (given < wanted) break
    }
    return leases
  }

  /** What the claim script takes of a claim that may stay open. */
  #openClaim(key: string, name: string, consumerId: string, { handOver }: ClaimOptions): string[] {
    if (handOver === undefined) return []
    const open = this.#handOvers?.begin(key, (lease) => {
      this.#claimedFrom.add(consumerId, lease.id, name)
      handOver(lease)
    })
    return open === undefined ? [] : [open.number, open.channel, open.heard]
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
        watch: (onWake) => this.#hubs.watch([name], onWake),
        claim: claimOne,
        isClosed: () => this.closed,
        onStop: (callback) => this.#hubs.onStop(callback, signal),
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
    const rows = items.map(({ id, receipt }) => [id, receiptText(receipt)])
    return await this.#each(BROKER_SCRIPTS.extend, name, rows, [consumerId, leaseMs])
  }

  async ack(name: string, id: string, receipt?: string): Promise<boolean> {
    const [acked] = await this.ackMany(name, [receipt === undefined ? { id } : { id, receipt }])
    return acked === true
  }

  async ackMany(name: string, items: readonly ReceiptItem[]): Promise<boolean[]> {
    const rows = items.map(({ id, receipt }) => {
      checkName(id, 'id')
      return [id, receiptText(receipt)]
    })
    return await this.#each(BROKER_SCRIPTS.ack, name, rows)
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
    const rows = items.map(({ id, delayMs = 0, receipt }) => {
      checkName(id, 'id')
      checkDelay(delayMs)
      return [id, delayMs, receiptText(receipt)]
    })
    return await this.#each(BROKER_SCRIPTS.nack, name, rows)
  }

  async remove(name: string, id: string): Promise<boolean> {
    this.guard()
    checkName(id, 'id')
    return (await this.run(BROKER_SCRIPTS.remove, this.#keys(name), [id])) === 1
  }

  async pause(name: string): Promise<void> {
    this.guard()
    await this.run(BROKER_SCRIPTS.pause, this.#keys(name), [1])
  }

  async resume(name: string): Promise<void> {
    this.guard()
    await this.run(BROKER_SCRIPTS.pause, this.#keys(name), [0])
  }

  async isPaused(name: string): Promise<boolean> {
    this.guard()
    return (await this.run(BROKER_SCRIPTS.isPaused, this.#keys(name), [])) === 1
  }

  async has(name: string, ids: readonly string[]): Promise<boolean[]> {
    for (const id of ids) checkName(id, 'id')
    return await this.#each(
      BROKER_SCRIPTS.has,
      name,
      ids.map((id) => [id]),
    )
  }

  async size(name: string): Promise<QueueSize> {
    this.guard()
    const [waiting = 0, delayed = 0, leased = 0] = (await this.run(
      BROKER_SCRIPTS.size,
      this.#keys(name),
      [],
    )) as number[]
    return { waiting, delayed, leased }
  }

  async nextDueIn(name: string): Promise<number | null> {
    this.guard()
    const due = (await this.run(BROKER_SCRIPTS.nextDue, this.#keys(name), [])) as string | null
    return due === null ? null : Number(due)
  }

  async subscribe(names: readonly string[], onWake: (name: string) => void): Promise<() => Promise<void>> {
    this.guard()
    for (const name of names) checkName(name, 'name')
    const stop = await this.#hubs.watch(names, onWake)
    return async () => stop()
  }

  async incarnation(): Promise<string> {
    this.guard()
    return (await this.run(BROKER_SCRIPTS.incarnation, metaKey(this.backend.settings.prefix, 'incarnation'), [
      crypto.randomUUID(),
    ])) as string
  }

  override async close(): Promise<void> {
    if (this.closed) return
    this.#hubs.close()
    this.#handOvers?.close()
    await super.close()
    this.#hubs.closed()
  }

  /** One script call for up to `BATCH` rows; one answer a row. */
  async #each(
    script: Script,
    name: string,
    rows: readonly (readonly Argument[])[],
    first: readonly Argument[] = [],
  ): Promise<boolean[]> {
    this.guard()
    const keys = this.#keys(name)
    const answers: boolean[] = []
    for (const chunk of inChunks(rows, BATCH)) {
      const args = [...first]
      for (const row of chunk) args.push(...row)
      const digits = (await this.run(script, keys, args)) as string | null
      for (const digit of digits ?? '') answers.push(digit === '1')
    }
    return answers
  }

  #keys(name: string): readonly string[] {
    const known = this.#keysOf.get(name)
    if (known !== undefined) return known
    checkName(name, 'name')
    const { prefix } = this.backend.settings
    const base = brokerBase(prefix, name)
    const keys = [queueBase(prefix, name), wakeKey(base, name), hubsKey(base)]
    if (this.#keysOf.size >= MOST_KEYS) this.#keysOf.clear()
    this.#keysOf.set(name, keys)
    return keys
  }
}
