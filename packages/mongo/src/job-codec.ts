/** A job as its document, and back. */
import {
  type ClaimedJob,
  checkJob,
  decodeValue,
  encodeValue,
  type JobError,
  type JobOptions,
  type JobRecord,
  type JobState,
  type NewJob,
  payloadText,
} from '@sched/core/adapter'
import type { Document } from 'mongodb'
import type { JobClock } from './job-clock.ts'
import { type JobDocument, STATE } from './job-document.ts'
import { idOfKey, isOwnKey, jobKey } from './job-key.ts'
import { readSettings, settingsText } from './job-settings.ts'

/** A checked job, before its type has a number and its moment is known. */
export interface EncodedJob {
  readonly job: NewJob
  readonly payload: string
  readonly options: string | undefined
}

/** Throws INVALID_ARGUMENT, VALUE_UNSERIALIZABLE, VALUE_TOO_LARGE. */
export function encodeJob(job: NewJob, maxBytes: number): EncodedJob {
  // its values are checked as they are encoded
  checkJob(job)
  return {
    job,
    payload: payloadText(job, { root: 'payload', maxBytes }),
    options: job.options === undefined ? undefined : encodeValue(job.options, { root: 'options', maxBytes }),
  }
}

/** The settings' text of jobs, which one after another mostly have it in common. */
export class Heads {
  #job: NewJob | undefined
  #text: string | undefined

  of(job: NewJob): string | undefined {
    if (this.#job === undefined || !isSameKind(job, this.#job)) {
      this.#text = settingsText(job)
      this.#job = job
    }
    return this.#text
  }
}

function isSameKind(a: NewJob, b: NewJob): boolean {
  return (
    a.maxRetries === b.maxRetries &&
    a.maxCrashes === b.maxCrashes &&
    a.delivery === b.delivery &&
    a.rememberMs === b.rememberMs &&
    a.retention === b.retention
  )
}

/** The largest instant there is, in milliseconds: its microseconds are still exact. */
export const FAR_MS = 8_640_000_000_000
const LONGEST_DATE_MS = 8_640_000_000_000_000

export interface Placing {
  readonly scope: number
  readonly type: number
  readonly clock: JobClock
  /** Due and created, of a job that is due now: microseconds that grow with every job. */
  readonly micros: number
  readonly heads: Heads
}

export function jobDocument({ job, payload, options }: EncodedJob, placing: Placing): Document {
  const { clock } = placing
  const due = dueOf(job, clock)
  const document: Document = {
    _id: jobKey(placing.scope, job.id),
    q: placing.type,
    s: due === undefined ? STATE.ready : STATE.waiting,
    r: 0 - job.priority,
    d: due === undefined ? placing.micros : Math.ceil(Math.min(due, FAR_MS) * 1000),
    p: payload,
  }
  if (!isOwnKey(job.id)) document.i = job.id
  if (due !== undefined) document.c = Math.floor(clock.future())
  const head = placing.heads.of(job)
  if (head !== undefined) document.h = head
  const expires = job.expiresInMs === undefined ? job.expiresAt : clock.future() + job.expiresInMs
  if (expires !== undefined) document.e = dateOf(expires)
  if (job.entityId !== undefined) document.n = job.entityId
  if (job.occurrence !== undefined) document.o = [job.occurrence.schedule, job.occurrence.due]
  if (options !== undefined) document.b = options
  return document
}

/** Undefined: now. Never earlier than asked for, whatever of the server's clock is known. */
function dueOf({ delayMs, runAt }: NewJob, clock: JobClock): number | undefined {
  if (delayMs !== undefined) return delayMs > 0 ? clock.future() + delayMs : undefined
  return runAt !== undefined && runAt > clock.past() ? runAt : undefined
}

/** Whether the server's clock has to be known well for it. */
export function needsClock({ delayMs, runAt, expiresInMs }: NewJob): boolean {
  return (delayMs ?? 0) > 0 || runAt !== undefined || expiresInMs !== undefined
}

/** Rounded up; beyond what a date can hold, its end. */
export function dateOf(ms: number): Date {
  return new Date(Math.ceil(Math.max(-LONGEST_DATE_MS, Math.min(ms, LONGEST_DATE_MS))))
}

export function idOf({ _id, i }: Pick<JobDocument, '_id' | 'i'>): string {
  return i ?? idOfKey(_id)
}

/** Throws VALUE_UNSERIALIZABLE when the bytes cannot be read. `document` is as it was before the claim. */
export function readClaim(document: JobDocument, type: string, fence: number, token: string): ClaimedJob {
  const settings = readSettings(document.h)
  return {
    id: idOf(document),
    type,
    payload: decodeValue(document.p, 'payload'),
    attempt: (document.a ?? 0) + 1,
    failures: document.l ?? 0,
    crashes: document.y ?? 0,
    fence,
    token,
    priority: 0 - document.r,
    dueAt: Math.floor(document.d / 1000),
    createdAt: createdAt(document),
    expiresAt: document.e?.getTime() ?? null,
    maxRetries: settings.maxRetries,
    delivery: settings.once ? 'at-most-once' : 'at-least-once',
    entityId: document.n ?? null,
    occurrence: occurrenceOf(document),
    options: optionsOf(document),
  }
}

const STATES: readonly JobState[] = ['pending', 'pending', 'running', 'completed', 'failed', 'cancelled']

export function readRecord(document: JobDocument, type: string): JobRecord {
  const settings = readSettings(document.h)
  const state = STATES[document.s] as JobState
  const running = document.s === STATE.running
  const { payload, raw } = readPayload(document.p)
  return {
    id: idOf(document),
    type,
    payload,
    state,
    priority: 0 - document.r,
    createdAt: createdAt(document),
    runAt: Math.floor(document.d / 1000),
    startedAt: document.k?.getTime() ?? null,
    finishedAt: document.f?.getTime() ?? null,
    expiresAt: document.e?.getTime() ?? null,
    attempt: document.a ?? 0,
    failures: document.l ?? 0,
    crashes: document.y ?? 0,
    maxRetries: settings.maxRetries,
    maxCrashes: settings.maxCrashes,
    delivery: settings.once ? 'at-most-once' : 'at-least-once',
    worker: running ? (document.w ?? null) : null,
    fence: document.m ?? 0,
    cancelRequested: running && document.z !== undefined,
    reason: document.u ?? (document.z || null),
    error: document.g === undefined ? null : decodeValue<JobError>(document.g, 'error'),
    result: document.v === undefined ? null : decodeValue(document.v, 'result'),
    entityId: document.n ?? null,
    occurrence: occurrenceOf(document),
    options: optionsOf(document),
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

function createdAt({ c, d }: JobDocument): number {
  return c ?? Math.floor(d / 1000)
}

function occurrenceOf({ o }: JobDocument): JobRecord['occurrence'] {
  return o === undefined ? null : { schedule: o[0], due: o[1] }
}

function optionsOf({ b }: JobDocument): JobOptions | null {
  return b === undefined ? null : decodeValue<JobOptions>(b, 'options')
}
