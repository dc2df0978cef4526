import type { BrokerStrategy, Lifecycle } from './lifecycle.ts'

export interface ClaimOptions {
  readonly strategy?: BrokerStrategy
  /** Most ids of this queue leased at once, over the cluster. A positive integer. */
  readonly maxActive?: number
  /**
   * With it a claim that leaves room stays open, in brokers that can do that: one id that is published alone before this consumer's next claim
   * of the queue, and that nothing waits before, may be leased to it on the spot and given here, instead of a wake. What was leased like
   * that and not given here yet, the next claim gives, unless the queue is paused by then. Not with `maxActive`.
   */
  readonly handOver?: (lease: Lease) => void
}

export interface Lease {
  readonly id: string
  /** Proves this one claim. */
  readonly receipt: string
  /** How often this id was claimed, this claim included. */
  readonly deliveries: number
  /** When the id was due, before the claim: epoch milliseconds. */
  readonly dueAt: number
}

export interface PublishItem {
  readonly id: string
  readonly delayMs?: number
  readonly priority?: number
}

export interface ReceiptItem {
  readonly id: string
  readonly receipt?: string
}

export interface NackItem extends ReceiptItem {
  readonly delayMs?: number
}

export interface QueueSize {
  /** Claimable now. */
  readonly waiting: number
  /** Not yet due. */
  readonly delayed: number
  /** Under a live lease. */
  readonly leased: number
}

export const PRIORITY_MIN = -20
export const PRIORITY_MAX = 20

/**
 * Moves ids. In a queue (`name`) an id is waiting, delayed or leased. Everything is decided by the server's clock; an expired lease
 * makes its id claimable with no scanner needed. Order is promised within one answer, and across answers while nobody competes.
 */
export interface IBrokerEngine extends Lifecycle {
  /**
   * Makes `id` claimable after `delayMs` (default 0; any length; negative rejects). Idempotent per (name, id): waiting or delayed → still
   * one entry, the earlier due time and the higher priority win; leased → nothing changes. Works while paused.
   * `priority`: an integer −20 … 20, higher first, default 0; anything else rejects INVALID_ARGUMENT.
   */
  publish(name: string, id: string, delayMs?: number, priority?: number): Promise<void>
  /**
   * Leases up to `limit` distinct ids for `leaseMs` (a positive integer), in order, also those whose lease has expired. `limit` 0
   * gives [] without side effects; a negative or fractional one rejects INVALID_ARGUMENT. No claim started after `pause` resolved
   * returns anything.
   */
  claim(
    name: string,
    consumerId: string,
    limit: number,
    leaseMs: number,
    strategy?: BrokerStrategy,
  ): Promise<string[]>
  /**
   * Sets the end of that consumer's live lease (that receipt's, if given) to now + `leaseMs`. Rejects LEASE_LOST when it is not live,
   * even if nobody else has claimed the id yet. Without `name`: the queue from which this adapter instance claimed the id for that
   * consumer.
   */
  extendLock(id: string, consumerId: string, leaseMs: number, name?: string, receipt?: string): Promise<void>
  /** Removes the id. Unknown: nothing happens. With a receipt: false, and nothing changes, when that lease is gone. Without: true. */
  ack(name: string, id: string, receipt?: string): Promise<boolean | void>
  /**
   * Gives the id back, due after `delayMs` (default 0), with its priority kept; an immediate one goes behind its equals. Unknown:
   * nothing happens. With a receipt: false, and nothing changes, when that lease is gone. Without: true.
   */
  nack(name: string, id: string, delayMs?: number, receipt?: string): Promise<boolean | void>
  /** Durable, per queue, idempotent. Leased work goes on, delays keep running. */
  pause(name: string): Promise<void>
  resume(name: string): Promise<void>

  /** One id, or null after `timeoutMs`, on abort, or on close. A crash while blocked loses no id. */
  claimBlocking?(
    name: string,
    consumerId: string,
    leaseMs: number,
    timeoutMs: number,
    strategy?: BrokerStrategy,
    signal?: AbortSignal,
  ): Promise<string | null>
  /** Like `claim`, with the proofs, and with `maxActive` held over the cluster. */
  claimLeases?(
    name: string,
    consumerId: string,
    limit: number,
    leaseMs: number,
    options?: ClaimOptions,
  ): Promise<Lease[]>
  publishMany?(name: string, items: readonly PublishItem[]): Promise<void>
  ackMany?(name: string, items: readonly ReceiptItem[]): Promise<boolean[]>
  nackMany?(name: string, items: readonly NackItem[]): Promise<boolean[]>
  /** False per item whose lease is gone. */
  extendMany?(
    name: string,
    consumerId: string,
    leaseMs: number,
    items: readonly ReceiptItem[],
  ): Promise<boolean[]>
  /** Removes the id whatever its state; resolves to whether it was there. */
  remove?(name: string, id: string): Promise<boolean>
  /** Whether each id is waiting, delayed or leased. */
  has?(name: string, ids: readonly string[]): Promise<boolean[]>
  size?(name: string): Promise<QueueSize>
  isPaused?(name: string): Promise<boolean>
  /** Milliseconds until time alone makes something claimable (a delay or a lease ends); 0: now; null: never, or paused. */
  nextDueIn?(name: string): Promise<number | null>
  /** Lossy hints: a publish, a due moment, a resume, a freed `maxActive` slot. Resolves, once listening, to the way to stop. */
  subscribe?(names: readonly string[], onWake: (name: string) => void): Promise<() => Promise<void>>
  /** Changes when the server lost its data. */
  incarnation?(): Promise<string>
}

export const BROKER_REQUIRED = ['publish', 'claim', 'extendLock', 'ack', 'nack', 'pause', 'resume'] as const
export const BROKER_OPTIONAL = [
  'claimBlocking',
  'claimLeases',
  'publishMany',
  'ackMany',
  'nackMany',
  'extendMany',
  'remove',
  'has',
  'size',
  'isPaused',
  'nextDueIn',
  'subscribe',
  'incarnation',
] as const
