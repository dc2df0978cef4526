/** One id of a queue, in one of three states. What has come due or lost its lease counts as ready wherever it still stands. */
import type { BrokerStrategy } from '@sched/core/adapter'
import type { Document } from 'mongodb'

export const READY = 0
export const DELAYED = 1
export const LEASED = 2

export interface EntryId {
  /** Prefix and queue. */
  readonly q: string
  readonly i: string
}

export interface EntryDocument {
  readonly _id: EntryId
  readonly st: typeof READY | typeof DELAYED | typeof LEASED
  /** The priority with its sign turned, so that everything is in ascending order. */
  readonly p: number
  /** When it is or was due. */
  readonly d: Date
  /** The publisher's order within one due instant. */
  readonly s: number
  /** How often it was claimed. */
  readonly n: number
  /** When time changes its state: the end of the delay or of the lease. Missing when it is ready. */
  readonly t?: Date
  readonly c?: string
  /** The token of the claim; with the id it makes the receipt. */
  readonly r?: string
  /** The place under `maxActive` that it takes; no two of a queue have the same. */
  readonly slot?: number
  /** The last call that gave it back or extended it: by that a call whose answer was lost knows its own work. */
  readonly k?: string
}

/** Longer delays and leases are as good as for ever, and leave the range of dates. */
export const FOREVER_MS = 8_000_000_000_000_000
/** No instant is before it. In a condition it keeps those without `t` out of the range. */
const EPOCH = new Date(0)

/** Ready by its state. */
export function readyOf(q: string): Document {
  return { '_id.q': q, st: READY }
}

/** Delays and leases that have ended. */
export function overdueOf(q: string): Document {
  return { '_id.q': q, ...OVERDUE }
}

export const OVERDUE: Document = { t: { $gt: EPOCH }, $expr: { $lte: ['$t', '$$NOW'] } }

/** Delays and leases that have not ended, or ended before nobody looked. */
export function timedOf(qs: readonly string[]): Document {
  return { '_id.q': { $in: [...qs] }, t: { $gt: EPOCH } }
}

/** How the ids of a queue are claimed. */
export const ORDERS: Readonly<Record<BrokerStrategy, Readonly<Record<string, 1 | -1>>>> = {
  priority: { p: 1, d: 1, s: 1 },
  fifo: { d: 1, s: 1 },
  lifo: { d: -1, s: -1 },
}
