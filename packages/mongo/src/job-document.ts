/** What lies in the job store's collection. Names are short, because every document repeats them. */
import type { Binary } from 'mongodb'

/** `ready` is claimable, `waiting` is for later; of a job that is `gone` nothing is left but that its id is known. */
export const STATE = {
  ready: 0,
  waiting: 1,
  running: 2,
  completed: 3,
  failed: 4,
  cancelled: 5,
  gone: 6,
} as const

export interface JobDocument {
  readonly _id: Binary
  /** The id, where the key does not tell it. */
  readonly i?: string
  /** The number of its type, which tells the scope too. */
  readonly q: number
  readonly s: number
  /** The priority negated: what comes first is least. */
  readonly r: number
  /** Due, in microseconds. Of a ready job it only orders. */
  readonly d: number
  /** Created, in milliseconds, where `d` does not tell it. */
  readonly c?: number
  /** Expires. */
  readonly e?: Date
  /** The payload, as the codec's text. */
  readonly p: string
  /** Settings that are not the defaults. */
  readonly h?: string
  readonly n?: string
  /** Occurrence: the schedule and its due instant. */
  readonly o?: readonly [string, number]
  /** The runtime's options. */
  readonly b?: string
  /** Attempts, failures and crashes. */
  readonly a?: number
  readonly l?: number
  readonly y?: number
  /** The fence of the latest claim, whose worker, and when. */
  readonly m?: number
  readonly w?: string
  readonly k?: Date
  /** Cancellation was asked for, with this reason; of a job that ended so, why it ended where `u` does not tell it. */
  readonly z?: string
  /** The latest error, the result, and why it ended. */
  readonly g?: string
  readonly v?: string
  readonly u?: string
  /** When it ended, of a record that is kept. */
  readonly f?: Date
  /** When the record goes, where its id stays known for longer. */
  readonly j?: Date
  /** When all of it goes. */
  readonly x?: Date
}

/** A worker's lease: `u` is its end. One that left is dead to everybody, and is not listed. */
export interface WorkerDocument {
  readonly _id: { readonly w: number; readonly i: string }
  readonly u: Date
  readonly dead?: boolean
  readonly left?: boolean
  readonly info?: string
  /** The numbers of the types it has claimed: where to look for what it runs. */
  readonly t?: readonly number[]
  /** When a dead one goes. */
  readonly x?: Date
}

export function workerId(scope: number, worker: string): WorkerDocument['_id'] {
  return { w: scope, i: worker }
}

/** The counters of what ended, in several documents, so that processes do not wait for each other: `n.<type>.<c|f|x|d>`. */
export interface TallyDocument {
  readonly _id: { readonly c: number; readonly k: number }
  readonly n?: Readonly<Record<string, Readonly<Partial<Record<'c' | 'f' | 'x' | 'd', number>>>>>
}

/**
 * The numbers of the paused types of a scope. `q`, `s` and `d` put it before all that waits, under the number of the scope, which no type has: so
 * the query that reads what comes due next reads it too.
 */
export interface PauseDocument {
  readonly _id: { readonly p: number }
  readonly t: readonly number[]
  readonly q: number
  readonly s: typeof STATE.waiting
  readonly d: -1
}

/** Places under a type's `maxActive` that claims under way have reserved: of `n` until `u`. */
export interface LimitDocument {
  readonly _id: { readonly l: number; readonly q: number }
  readonly t: readonly { readonly m: number; readonly w: string; readonly n: number; readonly u: Date }[]
}

/** Everything of a job but its settings' and its payload's bytes. */
export const WITHOUT_PAYLOAD = { p: 0, b: 0, v: 0, g: 0 } as const
