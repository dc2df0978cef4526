/**
 * The broker of the model: a queue is a map of ids. Nothing is moved when time passes; whether an id is claimable is worked out
 * when somebody asks. What a third party's broker must do is what this one does.
 */
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
  type Timer,
  type Traits,
} from '@sched/core/adapter'
import { type Claim, claimKey, QueueRules } from './queue-rules.ts'

const STRATEGIES: readonly BrokerStrategy[] = ['priority', 'fifo', 'lifo']

export class ModelBroker extends QueueRules implements IBrokerEngine {
  readonly traits: Partial<Traits> = {
    clock: 'server',
    durability: 'server',
    receipts: true,
    strategies: STRATEGIES,
  }
  protected readonly what: string = 'the model broker'
  readonly #onClose = new Set<() => void>()

  async publish(name: string, id: string, delayMs = 0, priority = 0): Promise<void> {
    await this.publishMany(name, [{ id, delayMs, priority }])
  }

  async publishMany(name: string, items: readonly PublishItem[]): Promise<void> {
    checkName(name, 'name')
    for (const item of items) this.checkItem(item)
    await this.step(() => {
      for (const { id, delayMs = 0, priority = 0 } of items) this.put(this.queue(name), id, delayMs, priority)
      this.queue(name).wake()
    })
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
    const claim = this.checkedClaim(name, consumerId, limit, leaseMs, options)
    return await this.step(() => this.take(name, claim))
  }

  async claimBlocking(
    name: string,
    consumerId: string,
    leaseMs: number,
    timeoutMs: number,
    strategy: BrokerStrategy = 'priority',
    signal?: AbortSignal,
  ): Promise<string | null> {
    const claim = this.checkedClaim(name, consumerId, 1, leaseMs, { strategy })
    const end = this.space.clock.now() + timeoutMs
    for (;;) {
      if (signal?.aborted) return null
      const [lease] = await this.step(() => (signal?.aborted ? [] : this.take(name, claim)))
      if (lease !== undefined) return lease.id
      if (this.closed || signal?.aborted || this.space.clock.now() >= end) return null
      await this.woken(name, end, signal)
      if (this.closed) return null
    }
  }

  async extendLock(
    id: string,
    consumerId: string,
    leaseMs: number,
    name?: string,
    receipt?: string,
  ): Promise<void> {
    checkName(id, 'id')
    checkName(consumerId, 'consumerId')
    this.checkLeaseMs(leaseMs)
    const queue = name ?? this.claimedFrom.get(claimKey(consumerId, id))
    const extended = await this.step(
      () =>
        queue !== undefined &&
        this.extend(this.queue(queue), consumerId, leaseMs, { id, ...(receipt && { receipt }) }),
    )
    if (!extended)
      throw new LeaseLostError(`${consumerId} has no live lease of ${id}: its lease ended or never was`)
  }

  async extendMany(
    name: string,
    consumerId: string,
    leaseMs: number,
    items: readonly ReceiptItem[],
  ): Promise<boolean[]> {
    checkName(name, 'name')
    this.checkLeaseMs(leaseMs)
    return await this.step(() =>
      items.map((item) => this.extend(this.queue(name), consumerId, leaseMs, item)),
    )
  }

  async ack(name: string, id: string, receipt?: string): Promise<boolean> {
    checkName(name, 'name')
    checkName(id, 'id')
    return await this.step(() => this.finish(this.queue(name), id, receipt))
  }

  async ackMany(name: string, items: readonly ReceiptItem[]): Promise<boolean[]> {
    checkName(name, 'name')
    return await this.step(() => items.map((item) => this.finish(this.queue(name), item.id, item.receipt)))
  }

  async nack(name: string, id: string, delayMs = 0, receipt?: string): Promise<boolean> {
    checkName(name, 'name')
    checkName(id, 'id')
    this.checkDelay(delayMs)
    return await this.step(() => this.giveBack(this.queue(name), id, delayMs, receipt))
  }

  async nackMany(name: string, items: readonly NackItem[]): Promise<boolean[]> {
    checkName(name, 'name')
    for (const item of items) this.checkDelay(item.delayMs ?? 0)
    return await this.step(() =>
      items.map((item) => this.giveBack(this.queue(name), item.id, item.delayMs ?? 0, item.receipt)),
    )
  }

  async pause(name: string): Promise<void> {
    checkName(name, 'name')
    await this.step(() => this.setPaused(name, true))
  }

  async resume(name: string): Promise<void> {
    checkName(name, 'name')
    await this.step(() => this.setPaused(name, false))
  }

  async isPaused(name: string): Promise<boolean> {
    checkName(name, 'name')
    return await this.step(() => this.paused(name))
  }

  async remove(name: string, id: string): Promise<boolean> {
    checkName(name, 'name')
    checkName(id, 'id')
    return await this.step(() => {
      const entry = this.queue(name).entries.get(id)
      if (entry !== undefined) this.drop(this.queue(name), entry)
      return entry !== undefined
    })
  }

  async has(name: string, ids: readonly string[]): Promise<boolean[]> {
    checkName(name, 'name')
    return await this.step(() => ids.map((id) => this.queue(name).entries.has(id)))
  }

  async size(name: string): Promise<QueueSize> {
    checkName(name, 'name')
    return await this.step(() => {
      const size = { waiting: 0, delayed: 0, leased: 0 }
      for (const entry of this.queue(name).entries.values()) size[this.stateOf(entry)]++
      return size
    })
  }

  async nextDueIn(name: string): Promise<number | null> {
    checkName(name, 'name')
    return await this.step(() => {
      const queue = this.queue(name)
      if (this.paused(name)) return null
      let soonest: number | null = null
      for (const entry of queue.inOrder('priority')) {
        const wait = this.claimableIn(entry)
        if (wait === 0) return 0
        if (soonest === null || wait < soonest) soonest = wait
      }
      return soonest
    })
  }

  async subscribe(names: readonly string[], onWake: (name: string) => void): Promise<() => Promise<void>> {
    for (const name of names) checkName(name, 'name')
    const stops = await this.step(() => names.map((name) => this.watch(name, () => onWake(name))))
    const stop = (): void => {
      this.#onClose.delete(stop)
      for (const each of stops) each()
    }
    this.#onClose.add(stop)
    return async () => stop()
  }

  async incarnation(): Promise<string> {
    return await this.step(() => this.space.incarnation)
  }

  override async close(): Promise<void> {
    await super.close()
    for (const stop of [...this.#onClose]) stop()
  }

  /** Resolves at a wake of the queue, at its next due moment, at `end`, on abort, or on close. */
  protected woken(name: string, end: number, signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve) => {
      const clock = this.space.clock
      const timer = clock.after(end - clock.now(), () => done())
      const stop = this.watch(name, () => done())
      const done = (): void => {
        timer.cancel()
        stop()
        this.#onClose.delete(done)
        signal?.removeEventListener('abort', done)
        resolve()
      }
      this.#onClose.add(done)
      signal?.addEventListener('abort', done)
    })
  }

  /** Calls `onWake` at every change of the queue and whenever an entry of it comes due. */
  protected watch(name: string, onWake: () => void): () => void {
    const queue = this.queue(name)
    let timer: Timer | undefined
    let stopped = false
    const arm = (): void => {
      timer?.cancel()
      if (stopped) return
      const waits = [...queue.entries.values()]
        .map((entry) => this.claimableIn(entry))
        .filter((wait) => wait > 0)
      if (waits.length > 0) timer = this.space.clock.after(Math.min(...waits), wake)
    }
    const wake = (): void => {
      onWake()
      arm()
    }
    queue.wakes.add(wake)
    arm()
    return () => {
      stopped = true
      timer?.cancel()
      queue.wakes.delete(wake)
    }
  }

  protected checkedClaim(
    name: string,
    consumer: string,
    limit: number,
    leaseMs: number,
    { strategy = 'priority', maxActive }: ClaimOptions,
  ): Claim {
    checkName(name, 'name')
    checkName(consumer, 'consumerId')
    this.checkLimit(limit)
    this.checkLeaseMs(leaseMs)
    if (!STRATEGIES.includes(strategy)) {
      throw new InvalidArgumentError(`strategy must be one of ${STRATEGIES.join(', ')}, not ${strategy}`)
    }
    if (maxActive !== undefined) checkPositive(maxActive, 'maxActive')
    return { consumer, limit, leaseMs, strategy, maxActive: maxActive ?? Number.POSITIVE_INFINITY }
  }

  protected checkLimit(limit: number): void {
    if (Number.isInteger(limit) && limit >= 0) return
    throw new InvalidArgumentError(`limit must be a non-negative integer, not ${limit}`)
  }

  protected checkLeaseMs(leaseMs: number): void {
    checkPositive(leaseMs, 'leaseMs')
  }

  protected checkItem(item: PublishItem): void {
    checkName(item.id, 'id')
    this.checkDelay(item.delayMs ?? 0)
    this.checkPriority(item.priority ?? 0)
  }

  protected checkDelay(delayMs: number): void {
    if (Number.isFinite(delayMs) && delayMs >= 0) return
    throw new InvalidArgumentError(`delayMs must be 0 or more milliseconds, not ${delayMs}`)
  }

  protected checkPriority(priority: number): void {
    if (Number.isInteger(priority) && priority >= PRIORITY_MIN && priority <= PRIORITY_MAX) return
    throw new InvalidArgumentError(
      `priority must be an integer from ${PRIORITY_MIN} to ${PRIORITY_MAX}, not ${priority}`,
    )
  }
}

function checkPositive(value: number, what: string): void {
  if (Number.isInteger(value) && value > 0) return
  throw new InvalidArgumentError(`${what} must be a positive integer, not ${value}`)
}
