import type {
  Delivery,
  FailReason,
  JobError,
  JobOptions,
  JobRecord,
  JobState,
  Occurrence,
  Retention,
} from './job-record.ts'
import type { Lifecycle } from './lifecycle.ts'

/** How long an operation may take before it rejects UNAVAILABLE, in milliseconds, where no option says otherwise. */
export const OPERATION_DEADLINE_MS = 10_000
/** Most items of one call (inserts, outcomes, held, a claim's limit): callers split, stores may refuse more with INVALID_ARGUMENT. */
export const MAX_BATCH = 1_000
export const DEFAULT_MAX_CRASHES = 3
/** How long an id stays known after its job ended: one that core made, and one that a caller or an occurrence chose. */
export const REMEMBER_MS = { made: 60_000, chosen: 600_000 } as const

/** A job to insert. What is left out takes the default named. */
export interface NewJob {
  readonly id: string
  /**
   * True: the runtime made the id for this very call, so that no store can have seen it; a store may then not look whether it is remembered.
   * False: that was so for the first call, which may still be on its way, and this is another one. Left out: nothing is known.
   */
  readonly fresh?: boolean
  /**
   * Jobs with the same object here differ in `id`, `fresh`, `payload` and `payloadText` alone: what a store makes of the rest of one it may take for the next.
   * It is not stored.
   */
  readonly alike?: object
  readonly type: string
  /** A codec value; the store keeps a copy of its own. */
  readonly payload: unknown
  /**
   * The payload as `encodeValue` makes it, for stores whose `takesPayloadText` is true, where the runtime has it already. It is what was
   * enqueued: the caller may have changed `payload` since. See `payloadText()`.
   */
  readonly payloadText?: string
  /** An integer −20 … 20, higher first. */
  readonly priority: number
  /** Due this many milliseconds from the server's now. At most one of `delayMs` and `runAt`; default: due now. */
  readonly delayMs?: number
  /** Due at this instant (epoch milliseconds); in the past counts as now. */
  readonly runAt?: number
  /** Expires this many milliseconds from the server's now. Wins over `expiresAt`. */
  readonly expiresInMs?: number
  readonly expiresAt?: number
  /** How long the id stays known after the job ended, also when its record was pruned; default `REMEMBER_MS.made`. */
  readonly rememberMs?: number
  /** More failures than this and the job has failed; default 0. */
  readonly maxRetries?: number
  /** So many worker deaths and the job has failed with reason `crashed`; default 3. */
  readonly maxCrashes?: number
  /** Default `at-least-once`. */
  readonly delivery?: Delivery
  /** What of it differs from `DEFAULT_RETENTION`. */
  readonly retention?: Retention
  readonly entityId?: string
  readonly occurrence?: Occurrence
  readonly options?: JobOptions
}

/** What a claim hands to the runtime. The attempt is counted already. */
export interface ClaimedJob {
  readonly id: string
  readonly type: string
  readonly payload: unknown
  /** 1 for the first run. */
  readonly attempt: number
  readonly failures: number
  readonly crashes: number
  /** Grows with every claim of this job; not the attempt, which is given back at times. */
  readonly fence: number
  /** Proves this one claim. */
  readonly token: string
  readonly priority: number
  /** When it was due, before the claim: epoch milliseconds. */
  readonly dueAt: number
  readonly createdAt: number
  /** Null: never. The runtime checks it again at the start. */
  readonly expiresAt: number | null
  readonly maxRetries: number
  readonly delivery: Delivery
  readonly entityId: string | null
  readonly occurrence: Occurrence | null
  readonly options: JobOptions | null
}

export interface ClaimType {
  readonly type: string
  /** At most this many of this type in this claim. */
  readonly limit?: number
  /**
   * At most this many of this type running over the cluster. It holds for claims that name it: one that names none takes what is there,
   * whatever others named; and of two that name different limits each keeps to its own. So a limit holds over the cluster once every
   * worker that runs the type has it.
   */
  readonly maxActive?: number
}

/** Claims by (priority, due) across the types: at most `limit` in all. Fused stores keep that order over all types, composed ones take the types in turn. */
export interface ClaimRequest {
  readonly worker: string
  readonly limit: number
  readonly types: readonly ClaimType[]
  /**
   * With it a claim that leaves room stays open, in stores that can do that: one job of a type without `maxActive` that comes before this
   * worker's next claim, and that nothing waits before, may be claimed for it on the spot and given here, instead of a wake. It counts
   * against `limit`, and against that of the next claim while it is on its way. It lives as every claim: by the worker's lease.
   */
  readonly handOver?: (job: ClaimedJob) => void
}

/** What became of an attempt. Each carries the token of its claim. `durationMs`: how long the handler ran, for the averages. */
export type Outcome = { readonly id: string; readonly token: string } & (
  | { readonly kind: 'complete'; readonly result?: unknown; readonly durationMs?: number }
  /** A failure; due again after `delayMs`. Beyond `maxRetries` the store fails it with reason `error`. */
  | { readonly kind: 'retry'; readonly delayMs: number; readonly error: JobError }
  /** A failure for good: a dead letter. */
  | { readonly kind: 'fail'; readonly error: JobError; readonly reason: FailReason }
  /**
   * Ends as cancelled; also how an occurrence is skipped whose schedule no longer wants it: `reason` says why. Without one it keeps that of the
   * request to cancel, as does any way back to pending that such a request turns into a cancellation.
   */
  | { readonly kind: 'cancel'; readonly reason?: string }
  /** Never started: back as it was, the attempt given back. */
  | { readonly kind: 'release' }
  /** Run later: the attempt given back. */
  | { readonly kind: 'snooze'; readonly delayMs: number }
)

export interface Settled {
  /**
   * One per outcome, in order. `stale`: the token is refused (a dead worker's once its job was taken back, or one for a job held under
   * another token); nothing changed. A live worker's token for a job it no longer holds is `ok`: it was settled before.
   */
  readonly settled: readonly ('ok' | 'stale')[]
  readonly jobs: readonly ClaimedJob[]
  /**
   * Until time alone makes something claimable for the wanted types; 0: more is claimable now, or may be, where the claim did not look for
   * more than it gives; null: never, or nothing wanted.
   */
  readonly nextDueInMs: number | null
}

export interface Held {
  readonly id: string
  readonly token: string
}

export interface WorkerReport {
  readonly id: string
  /** The worker's lease ends this many milliseconds from now. */
  readonly leaseMs: number
  /**
   * `join`: the first heartbeat, before the first claim; it creates the worker's record. `active` (default): a missing record means
   * dead. `leave`, for a worker that is not dead: nothing stays with it, and its record is removed. What it names in `held` was started
   * and not settled, so it may have run: the attempt stays counted and no crash is added; an at-least-once job is pending again, due as
   * it was, or cancelled where that was asked for; an at-most-once job has failed with reason `crashed`. Everything else that the store
   * holds for it, however young, is released: the attempt given back. Its tokens are `stale` from then on.
   */
  readonly phase?: 'join' | 'active' | 'leave'
  /** Held-but-unknown claims younger than this are left alone: their answer may be under way. Default `OPERATION_DEADLINE_MS`. */
  readonly claimGraceMs?: number
  /** What `workers()` shows: name, host, pid, types; a small JSON object. */
  readonly info?: Readonly<Record<string, unknown>>
}

export interface HeartbeatReply {
  /** False: this worker was declared dead or never joined; it must abort its handlers and start anew under a fresh id. */
  readonly alive: boolean
  /** Ids of `held` that the store no longer holds for this worker under that token. */
  readonly lost: readonly string[]
  /** Ids of `held` whose cancellation was asked for. */
  readonly cancelRequested: readonly string[]
}

export interface SweepLimits {
  /** Most jobs touched in this round; default `MAX_BATCH`. */
  readonly limit?: number
  /** A worker is declared dead this long after its lease ended; default 0. */
  readonly graceMs?: number
}

export interface SweepReport {
  /** True: there is more to do, call again. */
  readonly more: boolean
  /** Workers declared dead in this round. */
  readonly dead: readonly string[]
  /** Jobs of dead workers put back to pending. */
  readonly recovered: number
  /** Jobs of dead workers failed (`crashed`, or at-most-once). */
  readonly crashed: number
  /** Pending jobs failed as `expired`; counted, not named. One that a claim comes upon first fails there, and is in no report. */
  readonly expired: number
  /** Finished records, and remembered ids, deleted. */
  readonly pruned: number
}

export interface JobQuery {
  readonly type?: string
  readonly state?: JobState | readonly JobState[]
  readonly entityId?: string
  /** Occurrences of this schedule. */
  readonly schedule?: string
  /** Default 100, at most `MAX_BATCH`. */
  readonly limit?: number
  /** The `after` of the page before. */
  readonly after?: string
}

/** A page in an order of the store's own. A job that matches during the whole walk comes exactly once. `after` null: the end. */
export interface JobPage {
  readonly jobs: readonly JobRecord[]
  readonly after: string | null
}

export interface TypeCounts {
  readonly pending: number
  readonly running: number
  /** Finished ones are counted for good: pruning does not lower them. */
  readonly completed: number
  readonly failed: number
  readonly cancelled: number
  /** The sum of `durationMs` of the completed. */
  readonly durationMs: number
  readonly paused: boolean
}

export interface JobCounts {
  /** Of every type that has had a job or was paused. */
  readonly types: Readonly<Record<string, TypeCounts>>
}

export type JobChange =
  /**
   * pending → cancelled at once; running → its worker is asked at the next heartbeat; finished → refused. Asked again without a `reason`, a
   * running job keeps the one it was given.
   */
  | { readonly kind: 'cancel'; readonly reason?: string }
  /** failed or cancelled → pending, due now, failures and crashes at 0; else refused. */
  | { readonly kind: 'retry' }
  /** pending → due now; else refused. */
  | { readonly kind: 'promote' }
  /** pending → due at `runAt` (epoch ms) or after `delayMs`; else refused. */
  | { readonly kind: 'reschedule'; readonly runAt?: number; readonly delayMs?: number }
  /** finished or pending → its record is gone (its id stays known for `rememberMs`); running → refused. */
  | { readonly kind: 'discard' }

export type ChangeAnswer = 'ok' | 'missing' | 'refused'

export interface WorkerRecord {
  readonly id: string
  /** When its lease ends, epoch milliseconds. */
  readonly until: number
  readonly dead: boolean
  readonly running: number
  readonly info: Readonly<Record<string, unknown>>
}

/**
 * What the runtime runs on: core's ComposedJobStore over any storage and broker, or an adapter's fused one.
 *
 * Leases belong to workers: a claim lives as long as its worker's lease, which `heartbeat` renews. A worker is declared dead by
 * compare-and-set before its jobs are taken back. Expiry is checked at the claim. Repeats are harmless. Batches may apply in part;
 * the answer says which.
 */
export interface JobStore extends Lifecycle {
  /** How many calls of `settle` one worker may have under way at once, where that is faster; default 1. */
  readonly settlesAtOnce?: number
  /** How many calls of `insert` may be under way at once, where that is faster; default 1. The store applies them in the order of the calls. */
  readonly insertsAtOnce?: number
  /** It keeps payloads as text, so jobs may bring theirs as `payloadText`. Default false. */
  readonly takesPayloadText?: boolean
  /** `exists`: a job of that id was there, is remembered, or came earlier in this call; nothing changed. An Error: that job alone failed. */
  insert(
    jobs: readonly NewJob[],
    options?: { readonly transaction?: unknown },
  ): Promise<readonly ('inserted' | 'exists' | Error)[]>
  /**
   * Settles, then claims, in one trip where the backend can. Either part may be empty. Ids of the outcomes are distinct, else
   * INVALID_ARGUMENT. A worker that is dead or unknown claims nothing.
   */
  settle(outcomes: readonly Outcome[], want?: ClaimRequest): Promise<Settled>
  /**
   * Renews the worker's lease. What the store holds for it and it does not hold is released, unless claimed within `claimGraceMs`. With
   * phase `leave` `held` is what it had started: see {@link WorkerReport.phase}.
   */
  heartbeat(worker: WorkerReport, held: readonly Held[]): Promise<HeartbeatReply>
  /** One bounded round: jobs of dead workers back or failed, expired jobs failed, finished ones pruned. Safe to run twice at once. */
  sweep(limits: SweepLimits): Promise<SweepReport>
  /**
   * For stores that keep jobs in more than one place: a short round of what jobs would wait for until the next sweep, which does it as
   * well. The leader calls it every few seconds. Resolves to whether there is more to do at once. Safe to run twice at once.
   */
  tend?(): Promise<boolean>
  get(ids: readonly string[]): Promise<readonly (JobRecord | null)[]>
  list(query: JobQuery): Promise<JobPage>
  counts(): Promise<JobCounts>
  /** By id, each answered, in order. */
  change(ids: readonly string[], change: JobChange): Promise<readonly ChangeAnswer[]>
  /** Durable, per type. Running jobs go on, delays keep running, inserting works. */
  pause(type: string, paused: boolean): Promise<void>
  workers(): Promise<readonly WorkerRecord[]>
  /** Lossy hints that something of the type became claimable. Resolves, once listening, to the way to stop. */
  subscribe(types: readonly string[], onWake: (type: string) => void): Promise<() => Promise<void>>
}
