/** The text of a job, as lua/jobs/layout.lua describes it: written at the insert, read back for claims and readers. */
import {
  type ClaimedJob,
  checkName,
  DEFAULT_MAX_CRASHES,
  type Delivery,
  decodeValue,
  encodeValue,
  type FinalState,
  InvalidArgumentError,
  type JobError,
  type JobOptions,
  type JobRecord,
  type Keep,
  type NewJob,
  type Occurrence,
  PRIORITY_MAX,
  PRIORITY_MIN,
} from '@sched/core/adapter'

/** Higher priorities get lower characters: `0` for 20, `X` for -20. */
const FIRST_PRIORITY = 48

export interface EncodedJob {
  readonly id: string
  readonly head: string
  readonly rest: string
  /** Empty: now. `+ms` from the server's now, or `@instant`. */
  readonly due: string
  /** Empty: never. */
  readonly expires: string
}

/** Throws INVALID_ARGUMENT, VALUE_UNSERIALIZABLE, VALUE_TOO_LARGE. */
export function encodeJob(job: NewJob, maxBytes: number): EncodedJob {
  checkName(job.id, 'job.id')
  checkName(job.type, 'job.type')
  const { priority } = job
  if (!Number.isInteger(priority) || priority < PRIORITY_MIN || priority > PRIORITY_MAX) {
    throw new InvalidArgumentError(
      `job.priority must be an integer from ${PRIORITY_MIN} to ${PRIORITY_MAX}, not ${String(priority)}`,
    )
  }
  const payload = encodeValue(job.payload, { root: 'job.payload', maxBytes })
  return {
    id: job.id,
    head: `${String.fromCharCode(FIRST_PRIORITY + PRIORITY_MAX - priority)}${settingsText(job)};${job.type}`,
    rest: extrasText(job) + payload,
    due: dueText(job),
    expires: instantText(
      job.expiresInMs,
      'job.expiresInMs',
      job.expiresInMs === undefined ? job.expiresAt : undefined,
      'job.expiresAt',
    ),
  }
}

function dueText(job: NewJob): string {
  if (job.delayMs !== undefined && job.runAt !== undefined)
    throw new InvalidArgumentError('job takes either delayMs or runAt, not both')
  const text = instantText(job.delayMs, 'job.delayMs', job.runAt, 'job.runAt')
  return text === '+0' ? '' : text
}

/** A duration from now, or an instant, for a script. */
export function instantText(
  inMs: number | undefined,
  inName: string,
  at: number | undefined,
  atName: string,
): string {
  if (inMs !== undefined) return `+${duration(inMs, inName)}`
  if (at === undefined) return ''
  if (!Number.isFinite(at))
    throw new InvalidArgumentError(`${atName} must be epoch milliseconds, not ${String(at)}`)
  return `@${at}`
}

function duration(ms: number, what: string): number {
  if (Number.isFinite(ms) && ms >= 0) return ms
  throw new InvalidArgumentError(`${what} must be 0 or more milliseconds, not ${String(ms)}`)
}

function count(value: number, what: string): number {
  if (Number.isSafeInteger(value) && value >= 0) return value
  throw new InvalidArgumentError(`${what} must be a non-negative integer, not ${String(value)}`)
}

/** What a settle or a sweep must know, empty where it is the default. */
function settingsText(job: NewJob): string {
  const { maxRetries, maxCrashes, delivery, rememberMs, retention } = job
  if (
    maxRetries === undefined &&
    maxCrashes === undefined &&
    delivery === undefined &&
    rememberMs === undefined &&
    retention === undefined
  )
    return ''
  if (delivery !== undefined && delivery !== 'at-least-once' && delivery !== 'at-most-once')
    throw new InvalidArgumentError(
      `job.delivery must be at-least-once or at-most-once, not ${String(delivery)}`,
    )
  const parts = [
    maxRetries ? String(count(maxRetries, 'job.maxRetries')) : '',
    maxCrashes === undefined || maxCrashes === DEFAULT_MAX_CRASHES
      ? ''
      : String(count(maxCrashes, 'job.maxCrashes')),
    delivery === 'at-most-once' ? 'm' : '',
    rememberMs === undefined ? '' : String(Math.ceil(duration(rememberMs, 'job.rememberMs'))),
    ...keepText(retention?.completed, 'completed'),
    ...keepText(retention?.cancelled, 'cancelled'),
    ...keepText(retention?.failed, 'failed'),
  ]
  if (maxRetries !== undefined && !maxRetries) count(maxRetries, 'job.maxRetries')
  while (parts.at(-1) === '') parts.pop()
  return parts.join(',')
}

function keepText(keep: Keep | undefined, state: FinalState): readonly [string, string] {
  if (keep === undefined) return ['', '']
  return [
    keep.ageMs === undefined ? '-' : String(duration(keep.ageMs, `job.retention.${state}.ageMs`)),
    keep.count === undefined ? '-' : String(count(keep.count, `job.retention.${state}.count`)),
  ]
}

interface Extras {
  readonly entity?: string
  readonly occurrence?: readonly [schedule: string, due: number]
  readonly options?: JobOptions
}

/** What only readers and the runtime look into. */
function extrasText({ entityId, occurrence, options }: NewJob): string {
  if (entityId === undefined && occurrence === undefined && options === undefined) return ''
  if (entityId !== undefined) checkName(entityId, 'job.entityId')
  const extras: Extras = {
    ...(entityId !== undefined && { entity: entityId }),
    ...(occurrence !== undefined && { occurrence: [occurrence.schedule, occurrence.due] }),
    ...(options !== undefined && { options }),
  }
  return `x${encodeValue(extras, { root: 'job' })}\0`
}

/** A body taken apart. */
export interface Body {
  readonly created: number
  readonly due: number
  readonly expires: number | null
  readonly head: Head
  readonly extras: Extras
  readonly payload: string
}

export interface Head {
  readonly priority: number
  readonly type: string
  readonly maxRetries: number
  readonly maxCrashes: number
  readonly delivery: Delivery
}

const heads = new Map<string, Head>()

/** There are few different heads; the text of one that is known is not read again. */
function readHead(text: string): Head {
  const known = heads.get(text)
  if (known !== undefined) return known
  const stop = text.indexOf(';', 1)
  const [retries = '', crashes = '', delivery = ''] = text.slice(1, stop).split(',')
  const head: Head = {
    priority: FIRST_PRIORITY + PRIORITY_MAX - text.charCodeAt(0),
    type: text.slice(stop + 1),
    maxRetries: retries === '' ? 0 : Number(retries),
    maxCrashes: crashes === '' ? DEFAULT_MAX_CRASHES : Number(crashes),
    delivery: delivery === 'm' ? 'at-most-once' : 'at-least-once',
  }
  if (heads.size >= 1_000) heads.clear()
  heads.set(text, head)
  return head
}

const NO_EXTRAS: Extras = {}

export function readBody(text: string): Body {
  const zero = text.indexOf('\0', 11)
  const created = Number.parseInt(text.slice(0, 11), 16)
  let at = zero + 1
  let due = created
  let expires: number | null = null
  let extras = NO_EXTRAS
  if (text[at] === 'd') {
    const stop = text.indexOf(';', at)
    due = Math.floor(Number(text.slice(at + 1, stop)))
    at = text.indexOf(';', stop + 1) + 1
  }
  if (text[at] === 'e') {
    const stop = text.indexOf(';', at)
    expires = Number(text.slice(at + 1, stop))
    at = stop + 1
  }
  if (text[at] === 'x') {
    const stop = text.indexOf('\0', at)
    extras = decodeValue<Extras>(text.slice(at + 1, stop), 'job')
    at = stop + 1
  }
  return { created, due, expires, head: readHead(text.slice(11, zero)), extras, payload: text.slice(at) }
}

/** What came to a job since it was inserted; null where nothing did. */
export interface Change {
  readonly attempt: number
  readonly failures: number
  readonly crashes: number
  readonly due: number | null
  readonly fence: number
  readonly neverExpires: boolean
  readonly error: JobError | null
}

export function readChange(text: string): Change {
  const bar = text.indexOf('|')
  const [attempt, failures, crashes, due, , fence, , flags] = text.slice(0, bar).split(',')
  return {
    attempt: Number(attempt),
    failures: Number(failures),
    crashes: Number(crashes),
    due: due === '' || due === '-' ? null : Math.floor(Number(due)),
    fence: Number(fence),
    neverExpires: flags === 'n',
    error: readError(text.slice(bar + 1)),
  }
}

function readError(text: string): JobError | null {
  return text === '' ? null : decodeValue<JobError>(text, 'error')
}

/** From a claim's answer. Throws VALUE_UNSERIALIZABLE when the bytes of the payload cannot be read. */
export function readClaim(
  entry: string,
  bodyText: string,
  changeText: string,
  fence: number,
  token: string,
): ClaimedJob {
  const { created, expires, head, extras, payload } = readBody(bodyText)
  const change = changeText === '' ? null : readChange(changeText)
  return {
    id: entry.slice(11),
    type: head.type,
    payload: decodeValue(payload, 'payload'),
    attempt: (change?.attempt ?? 0) + 1,
    failures: change?.failures ?? 0,
    crashes: change?.crashes ?? 0,
    fence,
    token,
    priority: head.priority,
    dueAt: Number.parseInt(entry.slice(0, 11), 16),
    createdAt: created,
    expiresAt: change?.neverExpires ? null : expires,
    maxRetries: head.maxRetries,
    delivery: head.delivery,
    entityId: extras.entity ?? null,
    occurrence: occurrenceOf(extras),
    options: extras.options ?? null,
  }
}

function occurrenceOf({ occurrence }: Extras): Occurrence | null {
  return occurrence === undefined ? null : { schedule: occurrence[0], due: occurrence[1] }
}

/** Everything stored of one job. */
export interface StoredJob {
  readonly id: string
  readonly body: string
  readonly change: string | null
  readonly ending: string | null
  readonly cancel: string | null
  /** Who runs it, and under what. */
  readonly held: { readonly worker: string; readonly text: string } | null
}

const STATES: Readonly<Record<string, FinalState>> = { c: 'completed', f: 'failed', x: 'cancelled' }

export function readRecord(stored: StoredJob): JobRecord {
  const body = readBody(stored.body)
  const change = stored.change === null ? null : readChange(stored.change)
  const { payload, raw } = readPayload(body.payload)
  const common = {
    id: stored.id,
    type: body.head.type,
    payload,
    priority: body.head.priority,
    createdAt: body.created,
    expiresAt: change?.neverExpires ? null : body.expires,
    maxRetries: body.head.maxRetries,
    maxCrashes: body.head.maxCrashes,
    delivery: body.head.delivery,
    entityId: body.extras.entity ?? null,
    occurrence: occurrenceOf(body.extras),
    options: body.extras.options ?? null,
    ...(raw !== undefined && { raw }),
  }
  if (stored.ending !== null) return { ...common, ...readEnding(stored.ending) }
  const running = stored.held === null ? null : readHeld(stored.held.text)
  const fence = running?.fence ?? change?.fence ?? 0
  return {
    ...common,
    state: running === null ? 'pending' : 'running',
    runAt: running?.due ?? change?.due ?? body.due,
    startedAt: fence === 0 ? null : Math.floor(fence / 1000),
    finishedAt: null,
    attempt: (change?.attempt ?? 0) + (running === null ? 0 : 1),
    failures: change?.failures ?? 0,
    crashes: change?.crashes ?? 0,
    worker: stored.held?.worker ?? null,
    fence,
    cancelRequested: running !== null && stored.cancel !== null,
    reason: null,
    error: change?.error ?? null,
    result: null,
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

function readHeld(text: string): { readonly fence: number; readonly due: number } {
  return { fence: Number(text.slice(0, 16)), due: Number.parseInt(text.slice(16, 27), 16) }
}

type Ending = Pick<
  JobRecord,
  | 'state'
  | 'runAt'
  | 'startedAt'
  | 'finishedAt'
  | 'attempt'
  | 'failures'
  | 'crashes'
  | 'worker'
  | 'fence'
  | 'cancelRequested'
  | 'reason'
  | 'error'
  | 'result'
>

function readEnding(text: string): Ending {
  const stop = text.indexOf(';')
  const [finished, started, attempt, failures, crashes, fence, due] = text.slice(1, stop).split(',')
  const [reason = '', result = '', error = ''] = text.slice(stop + 1).split('\0')
  return {
    state: STATES[text[0] as string] ?? 'failed',
    runAt: Math.floor(Number(due)),
    startedAt: started === '' ? null : Number(started),
    finishedAt: Number(finished),
    attempt: Number(attempt),
    failures: Number(failures),
    crashes: Number(crashes),
    worker: null,
    fence: Number(fence),
    cancelRequested: false,
    reason: reason === '' ? null : reason,
    error: readError(error),
    result: result === '' ? null : decodeValue(result, 'result'),
  }
}
