/** Stored jobs, as claims and readers get them. */
import {
  type ClaimedJob,
  DEFAULT_MAX_CRASHES,
  type Delivery,
  decodeValue,
  type FinalState,
  type JobError,
  type JobRecord,
  type Occurrence,
} from '@sched/core/adapter'
import { type Extras, readPriority } from './job-codec.ts'

/** A body taken apart. */
interface Body {
  readonly created: number
  readonly due: number
  readonly expires: number | null
  readonly head: Head
  readonly extras: Extras
  readonly payload: string
}

interface Head {
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
    priority: readPriority(text),
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

function readBody(text: string): Body {
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
interface Change {
  readonly attempt: number
  readonly failures: number
  readonly crashes: number
  readonly due: number | null
  readonly fence: number
  readonly neverExpires: boolean
  readonly error: JobError | null
}

function readChange(text: string): Change {
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
interface StoredJob {
  readonly id: string
  readonly body: string
  readonly change: string | null
  readonly ending: string | null
  readonly cancel: string | null
  /** Who runs it, and under what. */
  readonly held: { readonly worker: string; readonly text: string } | null
}

const STATES: Readonly<Record<string, FinalState>> = { c: 'completed', f: 'failed', x: 'cancelled' }

function readRecord(stored: StoredJob): JobRecord {
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

/** What the read script answers: of each id in order; then of each worker that holds something, what it holds of each. */
export type ReadAnswer = readonly [
  bodies: (string | null)[],
  changes: (string | null)[],
  endings: (string | null)[],
  cancels: (string | null)[],
  ...workers: [worker: string, held: (string | null)[]][],
]

export function readRecords(ids: readonly string[], answer: ReadAnswer): (JobRecord | null)[] {
  const [bodies, changes, endings, cancels, ...workers] = answer
  return ids.map((id, i) => {
    const body = bodies[i] ?? null
    if (body === null) return null
    const holder = workers.find(([, held]) => held[i] !== null)
    return readRecord({
      id,
      body,
      change: changes[i] ?? null,
      ending: endings[i] ?? null,
      cancel: cancels[i] ?? null,
      held: holder === undefined ? null : { worker: holder[0], text: holder[1][i] as string },
    })
  })
}
