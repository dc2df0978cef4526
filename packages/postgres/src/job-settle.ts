/** Outcomes and claims as settle_jobs takes them, and its answer. */
import {
  type ClaimedJob,
  type ClaimRequest,
  encodeValue,
  type JobError,
  type Outcome,
  type Settled,
  ValueUnserializableError,
} from '@sched/core/adapter'
import type { Parameter, Row } from './database.ts'
import { type ClaimedRow, type Lease, readClaim, readLease, type SentJob } from './job-codec.ts'
import { jobKey } from './job-key.ts'

/** A token names the fence of its claim and the worker that holds it. One that is none proves nothing. */
export function readToken(token: string): { readonly fence: string; readonly worker: string } {
  const at = token.indexOf('@')
  const fence = at < 0 ? '' : token.slice(0, at)
  return { fence: /^\d{1,18}$/.test(fence) ? fence : '0', worker: at < 0 ? token : token.slice(at + 1) }
}

/** An array of what needs no quoting. */
export function plainArray(items: readonly (string | number | null)[]): string {
  return `{${items.map((item) => item ?? 'NULL').join(',')}}`
}

/** JSON has no line breaks of its own. Null: there is none. */
export function jsonLines(texts: readonly (string | null)[]): string | null {
  return texts.some((text) => text !== null) ? texts.map((text) => text ?? '').join('\n') : null
}

const LETTERS: Readonly<Record<Outcome['kind'], string>> = {
  complete: 'c',
  retry: 'r',
  fail: 'f',
  cancel: 'x',
  release: 'l',
  snooze: 's',
}

/** The fences of the worker's open claims, which this call ends; hub and number under which its own may stay open. Nulls: none. */
export type OpenParameters = readonly [ended: string | null, hub: string | null, number: number | null]

/** Everything after prefix and scope. Throws VALUE_UNSERIALIZABLE, VALUE_TOO_LARGE. */
export function settleParameters(
  outcomes: readonly Outcome[],
  want: ClaimRequest | undefined,
  {
    maxBytes,
    starts,
    open,
  }: { readonly maxBytes: number; readonly starts: readonly number[] | null; readonly open: OpenParameters },
): readonly Parameter[] {
  const tokens = outcomes.map(({ token }) => readToken(token))
  const texts = outcomes.map((outcome, place) => textOf(outcome, place, maxBytes))
  const errors = outcomes.map(errorOf)
  const types = new Map((want?.types ?? []).map((type) => [type.type, type]))
  return [
    plainArray(outcomes.map(({ id }) => jobKey(id))),
    plainArray(tokens.map(({ fence }) => fence)),
    commonOrEach(tokens.map(({ worker }) => worker)),
    plainArray(outcomes.map(({ kind }) => LETTERS[kind])),
    plainArray(outcomes.map(numberOf)),
    jsonLines(texts),
    jsonLines(errors),
    want?.worker ?? null,
    want?.limit ?? 0,
    [...types.keys()],
    plainArray([...types.values()].map(({ limit }) => limit ?? null)),
    plainArray([...types.values()].map(({ maxActive }) => maxActive ?? null)),
    starts === null ? null : plainArray(starts),
    ...open,
  ]
}

/** One that is the same for all is sent once. */
function commonOrEach(names: readonly string[]): readonly string[] {
  return names.every((name) => name === names[0]) ? names.slice(0, 1) : names
}

/** Of a claim that claim_type makes: one type without a limit. Everything after prefix and scope. */
export function claimParameters(
  want: ClaimRequest | undefined,
  open: OpenParameters,
): readonly Parameter[] | undefined {
  const [only, ...others] = want?.types ?? []
  if (want === undefined || only === undefined || others.length > 0 || only.maxActive !== undefined)
    return undefined
  return [want.worker, only.type, Math.min(want.limit, only.limit ?? want.limit), ...open]
}

function numberOf(outcome: Outcome): number | null {
  if (outcome.kind === 'complete') return outcome.durationMs ?? 0
  return outcome.kind === 'retry' || outcome.kind === 'snooze' ? Math.min(outcome.delayMs, FAR_MS) : null
}

/** Longer delays than this end with the largest instant there is. */
const FAR_MS = 7_000_000_000_000

function textOf(outcome: Outcome, place: number, maxBytes: number): string | null {
  switch (outcome.kind) {
    case 'complete':
      return outcome.result === undefined || outcome.result === null
        ? null
        : encodeValue(outcome.result, { root: `outcomes[${place}].result`, maxBytes })
    case 'fail':
      return JSON.stringify(outcome.reason.toWellFormed())
    case 'cancel':
      return outcome.reason === undefined ? null : JSON.stringify(outcome.reason.toWellFormed())
    default:
      return null
  }
}

function errorOf(outcome: Outcome): string | null {
  return outcome.kind === 'retry' || outcome.kind === 'fail' ? errorText(outcome.error) : null
}

/** Whatever a handler threw is kept; text that no server takes is mended. */
function errorText(error: JobError): string {
  const mended = Object.entries(error).filter(([, value]) => typeof value === 'string')
  return encodeValue(
    Object.fromEntries(mended.map(([key, value]) => [key, (value as string).toWellFormed()])),
  )
}

export interface UnreadableClaim {
  readonly id: string
  readonly token: string
  readonly error: JobError
}

export interface SettleAnswer extends Settled {
  /** Those whose bytes cannot be read: they fail, and keep their bytes. */
  readonly unreadable: readonly UnreadableClaim[]
  readonly woken: readonly string[]
  /** Rank (the priority negated) and due, in microseconds, of each job. */
  readonly places: readonly JobPlace[]
  /** The claim stays open. */
  readonly kept: KeptOpen | undefined
  /** The fences of those it ended that were handed a job. */
  readonly handed: readonly string[]
}

export interface KeptOpen {
  readonly fence: string
  /** The server's microseconds. */
  readonly since: number
}

export interface JobPlace {
  readonly rank: number
  readonly due: number
}

export function readSettled(rows: readonly Row[], worker: string): SettleAnswer {
  let settled: ('ok' | 'stale')[] = []
  let nextDueInMs: number | null = null
  const woken: string[] = []
  const leases = new Map<string, Lease>()
  const claimed: ClaimedRow[] = []
  const unreadable: UnreadableClaim[] = []
  let kept: KeptOpen | undefined
  const handed: string[] = []
  for (const row of rows) {
    const [tag, fence, id, number] = row
    switch (tag) {
      case 's':
        settled = Array.from(id as string, (digit) => (digit === '1' ? 'ok' : 'stale'))
        break
      case 'l':
        leases.set(fence as string, readLease(row, worker))
        break
      case 'w':
        woken.push(id as string)
        break
      case 'o':
        kept = { fence: fence as string, since: Number(number) }
        break
      case 'h':
        handed.push(fence as string)
        break
      case 'n':
        nextDueInMs = number === null || number === undefined ? null : Number(number) / 1000
        break
      default:
        for (const sent of jobsIn(row))
          readOne(sent, leases.get(fence as string) as Lease, claimed, unreadable)
    }
  }
  const places = claimed.map(({ lease, due }) => ({ rank: lease.rank, due }))
  return { settled, jobs: inOrder(claimed), nextDueInMs, unreadable, woken, places, kept, handed }
}

/** Between the texts of two jobs: JSON has it neither inside of strings nor between them. */
const SEPARATOR = '\x1e'

/** One row holds several jobs. */
function jobsIn([, , ids, , payloads, extras, pasts, instants]: Row): readonly SentJob[] {
  const keys = itemsOf(ids as string)
  const times = itemsOf(instants as string)
  const payloadOf = (payloads as string).split(SEPARATOR)
  const extraOf = extras ? extras.split(SEPARATOR) : undefined
  const pastOf = pasts ? pasts.split(SEPARATOR) : undefined
  return keys.map((key, i) => ({
    key,
    due: times[i] as string,
    expires: instantOf(times[keys.length + i]),
    payload: payloadOf[i] as string,
    extra: extraOf?.[i] ?? '',
    past: pastOf?.[i] ?? '',
  }))
}

/** Of an array of what needs no quoting. */
function itemsOf(array: string): readonly string[] {
  return array.slice(1, -1).split(',')
}

function instantOf(item: string | undefined): string | null {
  return item === undefined || item === 'NULL' ? null : item
}

function readOne(sent: SentJob, lease: Lease, claimed: ClaimedRow[], unreadable: UnreadableClaim[]): void {
  try {
    claimed.push(readClaim(sent, lease))
  } catch (error) {
    if (!(error instanceof ValueUnserializableError)) throw error
    const extra = sent.extra ? (JSON.parse(sent.extra) as { n?: string }) : {}
    unreadable.push({
      id: extra.n ?? sent.key,
      token: lease.token,
      error: { name: error.name, message: error.message, code: error.code },
    })
  }
}

/** The server's answer comes in no order. */
function inOrder(claimed: ClaimedRow[]): readonly ClaimedJob[] {
  claimed.sort((a, b) => a.lease.rank - b.lease.rank || a.due - b.due || (a.job.id < b.job.id ? -1 : 1))
  return claimed.map(({ job }) => job)
}
