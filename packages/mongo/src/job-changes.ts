/**
 * How jobs change, as updates for the server. Pure: what a job was is given, and the update holds only under the conditions of its
 * statement.
 *
 * ```
 * insert → ready | waiting ─ claim → running ─ ending → completed, failed, cancelled ─ forget → gone
 *                ↑                      │                          │
 *                └─────── back ─────────┴───────── revived ────────┘
 * ```
 */
import { encodeValue, type FinalState, type JobError, type Keep, type Outcome } from '@sched/core/adapter'
import type { Binary, Document } from 'mongodb'
import type { JobClock } from './job-clock.ts'
import { dateOf, FAR_MS } from './job-codec.ts'
import { type JobDocument, STATE } from './job-document.ts'
import { type JobSettings, readSettings } from './job-settings.ts'

/** What an update must know of a job. */
export interface KnownJob {
  readonly key: Binary
  readonly type: number
  readonly settings: JobSettings
  readonly failures: number
  readonly crashes: number
}

export function knownJob({ _id, q, h, l, y }: JobDocument): KnownJob {
  return { key: _id, type: q, settings: readSettings(h), failures: l ?? 0, crashes: y ?? 0 }
}

export interface Change {
  /** Jobs of one kind take one update, and one statement. */
  readonly kind: string
  readonly update: Document | Document[]
  /** How it ended; undefined where it goes back. */
  readonly ended?: FinalState
  /** Count retention that this ending may exceed. */
  readonly keepCount?: number
}

/**
 * Of a job that is gone its key is left, its state, and until when the id stays known: `until`, or what was said when it ended. The server
 * makes such a document anew for less than it takes fields away.
 */
export function forgotten(until: Date | '$x'): Document[] {
  return [{ $replaceWith: { _id: '$_id', s: STATE.gone, x: until } }]
}

export interface Ending {
  readonly reason?: string | undefined
  /** Texts of the codec. */
  readonly error?: string | undefined
  readonly result?: string | undefined
  readonly failures?: 1
  readonly crashes?: 1
}

/** The end of a job, whose finished instant is the server's. */
export function ending(job: KnownJob, state: FinalState, clock: JobClock, how: Ending = {}): Change {
  const { ageMs, count } = job.settings.keep[state]
  const { rememberMs } = job.settings
  const kind = `${state} ${job.type} ${rememberMs}`
  if (ageMs === 0 || count === 0)
    return { kind, update: forgotten(dateOf(clock.future() + rememberMs)), ended: state }
  const { reason, error, result, failures, crashes } = how
  const set: Document = { s: STATE[state], ...keptUntil(job.settings.keep[state], rememberMs, clock) }
  if (reason !== undefined) set.u = reason
  if (error !== undefined) set.g = error
  if (result !== undefined) set.v = result
  // cancelled without a reason: that of the request holds, if there was one
  const $unset = state === 'cancelled' && reason === undefined ? { w: 1 } : { w: 1, z: 1 }
  const update: Document = { $set: set, $currentDate: { f: true }, $unset }
  const counted = { ...(failures && { l: 1 }), ...(crashes && { y: 1 }) }
  if (failures || crashes) update.$inc = counted
  return {
    kind: JSON.stringify([kind, ageMs, count, reason, error, result, failures, crashes]),
    update,
    ended: state,
    ...(count !== undefined && { keepCount: count }),
  }
}

/** `x` when all of it goes, `j` when its record goes before that. */
function keptUntil({ ageMs }: Keep, rememberMs: number, clock: JobClock): Document {
  if (ageMs === undefined) return {}
  const now = clock.future()
  return {
    x: dateOf(now + Math.max(ageMs, rememberMs)),
    ...(ageMs < rememberMs && { j: dateOf(now + ageMs) }),
  }
}

export interface Return {
  /** From the server's now; without it, due as it was. */
  readonly delayMs?: number
  readonly error?: string
  readonly failures?: 1
  readonly crashes?: 1
  readonly giveBack?: boolean
}

const NOW_MS: Document = { $toLong: '$$NOW' }

/** Back to pending; only where cancellation was not asked for. */
export function back({ delayMs, error, failures, crashes, giveBack }: Return): Change {
  const kind = JSON.stringify(['back', delayMs, error, failures, crashes, giveBack])
  if (delayMs === undefined) {
    const counted = { ...(giveBack && { a: -1 }), ...(crashes && { y: 1 }) }
    const update: Document = { $set: { s: STATE.ready }, $unset: { w: 1 } }
    if (giveBack || crashes) update.$inc = counted
    return { kind, update }
  }
  const set: Document = movedTo({ delayMs })
  if (failures) set.l = { $add: [{ $ifNull: ['$l', 0] }, 1] }
  if (giveBack) set.a = { $subtract: ['$a', 1] }
  if (error !== undefined) set.g = { $literal: error }
  return { kind, update: [{ $set: set }, { $unset: ['w', 'z'] }] }
}

/** For a pipeline: where a job is due by the server's clock, and what it was created by. */
export function movedTo(when: { readonly delayMs?: number; readonly runAt?: number }): Document {
  const { delayMs = 0, runAt } = when
  const dueMs =
    runAt === undefined
      ? { $add: [NOW_MS, Math.min(delayMs, FAR_MS / 2)] }
      : { $max: [NOW_MS, Math.min(runAt, FAR_MS)] }
  return {
    c: { $ifNull: ['$c', { $floor: { $divide: ['$d', 1000] } }] },
    d: { $ceil: { $multiply: [{ $toDouble: dueMs }, 1000] } },
    s:
      runAt === undefined
        ? delayMs > 0
          ? STATE.waiting
          : STATE.ready
        : { $cond: [{ $gt: [runAt, NOW_MS] }, STATE.waiting, STATE.ready] },
  }
}

/** A failed or cancelled job starts anew, due now; an expiry that has passed no longer holds. */
export function revived(): Document[] {
  return [
    {
      $set: {
        ...movedTo({}),
        l: 0,
        y: 0,
        e: { $cond: [{ $gt: ['$e', '$$NOW'] }, '$e', '$$REMOVE'] },
      },
    },
    { $unset: ['f', 'x', 'j', 'u', 'g', 'v', 'z', 'w'] },
  ]
}

/** What an outcome makes of a running job. Throws VALUE_UNSERIALIZABLE, VALUE_TOO_LARGE. */
export function changeOf(outcome: Outcome, job: KnownJob, clock: JobClock, texts: OutcomeTexts): Change {
  switch (outcome.kind) {
    case 'complete':
      return ending(job, 'completed', clock, { result: texts.result })
    case 'retry':
      if (job.failures >= job.settings.maxRetries)
        return ending(job, 'failed', clock, { reason: 'error', error: texts.error, failures: 1 })
      return back({ delayMs: outcome.delayMs, error: texts.error as string, failures: 1 })
    case 'fail':
      return ending(job, 'failed', clock, {
        reason: storable(outcome.reason),
        error: texts.error,
        failures: 1,
      })
    case 'cancel':
      return ending(job, 'cancelled', clock, {
        reason: outcome.reason === undefined ? undefined : storable(outcome.reason),
      })
    case 'release':
      return back({ giveBack: true })
    default:
      return back({ delayMs: outcome.delayMs, giveBack: true })
  }
}

/** The same outcome where cancellation was asked for: any way back ends as cancelled. */
export function cancelledInstead(outcome: Outcome, job: KnownJob, clock: JobClock, reason: string): Change {
  return ending(job, 'cancelled', clock, {
    reason: reason === '' ? undefined : reason,
    ...(outcome.kind === 'retry' && { failures: 1 }),
  })
}

export interface OutcomeTexts {
  readonly result?: string
  readonly error?: string
}

/** Throws VALUE_UNSERIALIZABLE, VALUE_TOO_LARGE. */
export function textsOf(outcome: Outcome, place: number, maxBytes: number): OutcomeTexts {
  if (outcome.kind === 'complete' && outcome.result !== undefined && outcome.result !== null)
    return { result: encodeValue(outcome.result, { root: `outcomes[${place}].result`, maxBytes }) }
  if (outcome.kind === 'retry' || outcome.kind === 'fail') return { error: errorText(outcome.error) }
  return {}
}

/** Longer texts of an error are cut: one job's message must not keep the outcomes of others from being settled. */
const LONGEST_ERROR_TEXT = 65_536

/** Whatever a handler threw is kept, as far as it is text that can be stored. */
function errorText(error: JobError): string {
  const texts = Object.entries(error).filter(([, value]) => typeof value === 'string')
  return encodeValue(Object.fromEntries(texts.map(([key, value]) => [key, storable(value as string)])))
}

export function storable(text: string): string {
  return text.slice(0, LONGEST_ERROR_TEXT).toWellFormed()
}
