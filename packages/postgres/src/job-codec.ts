/** A job as its columns, and back. */
import {
  type ClaimedJob,
  checkJob,
  DEFAULT_MAX_CRASHES,
  DEFAULT_RETENTION,
  decodeValue,
  encodeValue,
  type FinalState,
  type JobError,
  type JobOptions,
  type JobRecord,
  type Keep,
  type NewJob,
  type Occurrence,
  payloadText,
  REMEMBER_MS,
} from '@sched/core/adapter'
import type { Row } from './database.ts'
import { isHashed, jobKey } from './job-key.ts'

export interface EncodedJob {
  readonly id: string
  readonly key: string
  /** Nobody has seen the id before. */
  readonly fresh: boolean
  /** `[type, rank, settings]` as JSON: the same for all jobs of a kind. */
  readonly head: string
  readonly type: string
  readonly payload: string
  readonly extra: string | null
  readonly delayMs: number | null
  readonly runAt: number | null
  readonly expiresInMs: number | null
  readonly expiresAt: number | null
}

/** Throws INVALID_ARGUMENT, VALUE_UNSERIALIZABLE, VALUE_TOO_LARGE. */
export function encodeJob(job: NewJob, heads: Heads, maxBytes: number): EncodedJob {
  checkJob(job)
  const key = jobKey(job.id)
  return {
    id: job.id,
    key,
    fresh: job.fresh === true,
    head: heads.of(job),
    type: job.type,
    payload: payloadText(job, { root: 'payload', maxBytes }),
    extra: extraText(job, key),
    delayMs: job.delayMs ?? null,
    runAt: job.runAt ?? null,
    expiresInMs: job.expiresInMs ?? null,
    expiresAt: job.expiresInMs === undefined ? (job.expiresAt ?? null) : null,
  }
}

/** The heads of one batch, whose jobs mostly have it in common. */
export class Heads {
  #job: NewJob | undefined
  #head = ''

  of(job: NewJob): string {
    if (this.#job === undefined || !isSameKind(job, this.#job)) {
      this.#head = JSON.stringify([job.type, -job.priority, settingsOf(job)])
      this.#job = job
    }
    return this.#head
  }
}

function isSameKind(a: NewJob, b: NewJob): boolean {
  return (
    a.type === b.type &&
    a.priority === b.priority &&
    a.maxRetries === b.maxRetries &&
    a.maxCrashes === b.maxCrashes &&
    a.delivery === b.delivery &&
    a.rememberMs === b.rememberMs &&
    a.retention === b.retention
  )
}

type Settings = readonly (number | boolean | null)[]

/** In the order of `kinds.settings`. */
function settingsOf(job: NewJob): Settings {
  const { retention } = job
  return [
    job.maxRetries ?? 0,
    job.maxCrashes ?? DEFAULT_MAX_CRASHES,
    job.delivery === 'at-most-once',
    job.rememberMs ?? REMEMBER_MS.made,
    ...keepOf(retention?.completed ?? DEFAULT_RETENTION.completed),
    ...keepOf(retention?.failed ?? DEFAULT_RETENTION.failed),
    ...keepOf(retention?.cancelled ?? DEFAULT_RETENTION.cancelled),
  ]
}

function keepOf({ ageMs, count }: Keep): readonly [number | null, number | null] {
  return [ageMs ?? null, count ?? null]
}

interface Extra {
  /** The id, where the key does not tell it. */
  readonly n?: string
  /** Created, in microseconds, where that is not when it was due. */
  readonly c?: number
  readonly e?: string
  readonly s?: string
  readonly d?: number
  readonly o?: string
}

function extraText(job: NewJob, key: string): string | null {
  const { entityId, occurrence, options } = job
  if (entityId === undefined && occurrence === undefined && options === undefined && !isHashed(key))
    return null
  const extra: Extra = {
    ...(isHashed(key) && { n: job.id }),
    ...(entityId !== undefined && { e: entityId }),
    ...(occurrence !== undefined && { s: occurrence.schedule, d: occurrence.due }),
    ...(options !== undefined && { o: encodeValue(options, { root: 'options' }) }),
  }
  return JSON.stringify(extra)
}

/** Before the current claim. */
interface Past {
  readonly a?: number
  readonly f?: number
  readonly c?: number
  readonly x?: number
  readonly t?: number
  readonly e?: string
}

/** What a claim's jobs of one lease share. */
export interface Lease {
  readonly fence: number
  readonly token: string
  readonly type: string
  readonly rank: number
  readonly settings: Settings
}

const NOTHING: Readonly<Record<string, never>> = {}

/** Text that few jobs differ in is read once. */
const knownSettings = new Map<string, Settings>()

export function readLease(row: Row, worker: string): Lease {
  const [, fence, type, rank, settings] = row as readonly string[]
  return {
    fence: Number(fence),
    token: tokenOf(fence as string, worker),
    type: type as string,
    rank: Number(rank),
    settings: readSettings(settings as string),
  }
}

/** Of a job that was handed over. `head`: as it was inserted. */
export function leaseOf(fence: string, worker: string, head: string): Lease {
  const [type, rank, settings] = JSON.parse(head) as [string, number, Settings]
  return { fence: Number(fence), token: tokenOf(fence, worker), type, rank, settings }
}

function tokenOf(fence: string, worker: string): string {
  return `${fence}@${worker}`
}

function readSettings(text: string): Settings {
  let settings = knownSettings.get(text)
  if (settings === undefined) {
    settings = JSON.parse(text) as Settings
    if (knownSettings.size >= 1_000) knownSettings.clear()
    knownSettings.set(text, settings)
  }
  return settings
}

export interface ClaimedRow {
  readonly due: number
  readonly lease: Lease
  readonly job: ClaimedJob
}

/** A claimed job as the server sends it; empty texts are none. */
export interface SentJob {
  readonly key: string
  /** The server's microseconds. */
  readonly due: string
  readonly expires: string | null
  readonly payload: string
  readonly extra: string
  readonly past: string
}

/** Throws VALUE_UNSERIALIZABLE when the bytes cannot be read. */
export function readClaim(sent: SentJob, lease: Lease): ClaimedRow {
  const { expires } = sent
  const extra: Extra = sent.extra ? (JSON.parse(sent.extra) as Extra) : NOTHING
  const past: Past = sent.past ? (JSON.parse(sent.past) as Past) : NOTHING
  const due = Number(sent.due)
  const job: ClaimedJob = {
    id: extra.n ?? sent.key,
    type: lease.type,
    payload: decodeValue(sent.payload, 'payload'),
    attempt: (past.a ?? 0) + 1,
    failures: past.f ?? 0,
    crashes: past.c ?? 0,
    fence: lease.fence,
    token: lease.token,
    priority: 0 - lease.rank,
    dueAt: Math.floor(due / 1000),
    createdAt: Math.floor((extra.c ?? due) / 1000),
    expiresAt: instant(expires, Math.ceil),
    maxRetries: lease.settings[0] as number,
    delivery: lease.settings[2] === true ? 'at-most-once' : 'at-least-once',
    entityId: extra.e ?? null,
    occurrence: occurrenceOf(extra),
    options: optionsOf(extra),
  }
  return { due, lease, job }
}

const STATES: Readonly<Record<string, FinalState>> = { c: 'completed', f: 'failed', x: 'cancelled' }

/** A row of jobs/view.sql. */
export function readRecord(row: Row): JobRecord {
  const [key, type, rank, settingsText, due, expires, extraText, pastText, payloadText, state, ...rest] = row
  const [worker, fence, started, finished, attempt, failures, crashes, reason, result, error, cancelled] =
    rest
  const extra: Extra = extraText ? (JSON.parse(extraText) as Extra) : NOTHING
  const past: Past = pastText ? (JSON.parse(pastText) as Past) : NOTHING
  const settings = readSettings(settingsText as string)
  const ended = STATES[state as string]
  const running = state === 'r'
  const { payload, raw } = readPayload(payloadText as string)
  return {
    id: extra.n ?? (key as string),
    type: type as string,
    payload,
    state: ended ?? (running ? 'running' : 'pending'),
    priority: 0 - Number(rank),
    createdAt: Math.floor((extra.c ?? Number(due)) / 1000),
    runAt: Math.floor(Number(due) / 1000),
    startedAt: instant(started ?? past.t, Math.floor),
    finishedAt: instant(finished, Math.floor),
    expiresAt: instant(expires, Math.ceil),
    attempt: ended ? Number(attempt) : (past.a ?? 0) + (running ? 1 : 0),
    failures: ended ? Number(failures) : (past.f ?? 0),
    crashes: ended ? Number(crashes) : (past.c ?? 0),
    maxRetries: settings[0] as number,
    maxCrashes: settings[1] as number,
    delivery: settings[2] === true ? 'at-most-once' : 'at-least-once',
    worker: running ? (worker ?? null) : null,
    fence: Number(fence ?? past.x ?? 0),
    cancelRequested: running && (cancelled === 't' || cancelled === 'true'),
    reason: reason ? (JSON.parse(reason) as string) : null,
    error: readError(ended ? error : past.e),
    result: result ? decodeValue(result, 'result') : null,
    entityId: extra.e ?? null,
    occurrence: occurrenceOf(extra),
    options: optionsOf(extra),
    ...(raw !== undefined && { raw }),
  }
}

function readPayload(text: string): { readonly payload: unknown; readonly raw?: string } {
  try {
    return { payload: decodeValue(text, 'payload') }
  } catch {
    // bytes that are no value are shown as they are
    return { payload: null, raw: text }
  }
}

function readError(text: string | null | undefined): JobError | null {
  return text ? decodeValue<JobError>(text, 'error') : null
}

function instant(micros: string | number | null | undefined, round: (ms: number) => number): number | null {
  return micros === null || micros === undefined ? null : round(Number(micros) / 1000)
}

function occurrenceOf({ s, d }: Extra): Occurrence | null {
  return s === undefined || d === undefined ? null : { schedule: s, due: d }
}

function optionsOf({ o }: Extra): JobOptions | null {
  return o === undefined ? null : decodeValue<JobOptions>(o, 'options')
}
