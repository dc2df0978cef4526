/** Outcomes as the settle script takes them, and its answer. */
import {
  type ClaimedJob,
  type ClaimRequest,
  encodeValue,
  inChunks,
  type JobError,
  type Outcome,
  ValueUnserializableError,
} from '@sched/core/adapter'
import type { Argument } from './bare-command.ts'
import type { OpenClaim } from './hand-over.ts'
import { SETTLE_PIECE } from './job-pieces.ts'
import { readClaim } from './job-read.ts'
import { readToken, tokenOf } from './job-token.ts'

/** `open`: the claim as one that may stay open; `before`: the number of this worker's open one, or empty. */
export function wantArguments(want: ClaimRequest | undefined, open?: OpenClaim, before = ''): Argument[] {
  if (want === undefined) return ['', 0, '', '', '', 0]
  const types = new Map(want.types.map((type) => [type.type, type]))
  const args: Argument[] = [
    want.worker,
    want.limit,
    before,
    open?.number ?? '',
    open?.channel ?? '',
    types.size,
  ]
  for (const { type, limit, maxActive } of types.values())
    args.push(type, limit ?? want.limit, maxActive ?? -1)
  return args
}

export interface OutcomeArguments {
  readonly args: Argument[]
  /** Of each outcome as it was sent, its place among those that were given. */
  readonly places: readonly number[]
}

interface Group {
  readonly worker: string
  readonly fence: string
  readonly kind: string
  readonly rows: Argument[]
  readonly places: number[]
}

export const NO_OUTCOMES: OutcomeArguments = { args: [], places: [] }

/** For one script each. Throws VALUE_UNSERIALIZABLE, VALUE_TOO_LARGE before any is sent. */
export function outcomePieces(outcomes: readonly Outcome[], maxBytes: number): OutcomeArguments[] {
  const pieces: OutcomeArguments[] = []
  for (const piece of inChunks(outcomes, SETTLE_PIECE))
    pieces.push(outcomeArguments(piece, pieces.length * SETTLE_PIECE, maxBytes))
  return pieces
}

/** Grouped by claim and kind, so that the script handles each group with one call of each command. `from`: the place of the first. */
function outcomeArguments(outcomes: readonly Outcome[], from: number, maxBytes: number): OutcomeArguments {
  const groups = new Map<string, Group>()
  for (const [i, outcome] of outcomes.entries()) {
    const place = from + i
    const [kind, first, second] = columns(outcome, place, maxBytes)
    const key = kind + outcome.token
    let group = groups.get(key)
    if (group === undefined) {
      group = { ...readToken(outcome.token), kind, rows: [], places: [] }
      groups.set(key, group)
    }
    group.rows.push(outcome.id, first, second)
    group.places.push(place)
  }
  const args: Argument[] = []
  const places: number[] = []
  for (const { worker, fence, kind, rows, places: own } of groups.values()) {
    args.push(worker, fence, kind, own.length)
    for (const row of rows) args.push(row)
    places.push(...own)
  }
  return { args, places }
}

function columns(
  outcome: Outcome,
  place: number,
  maxBytes: number,
): [kind: string, first: Argument, second: string] {
  switch (outcome.kind) {
    case 'complete':
      return [
        'c',
        outcome.durationMs ?? 0,
        outcome.result === undefined || outcome.result === null
          ? ''
          : encodeValue(outcome.result, { root: `outcomes[${place}].result`, maxBytes }),
      ]
    case 'retry':
      return ['r', outcome.delayMs, errorText(outcome.error)]
    case 'fail':
      return ['f', reasonText(outcome.reason), errorText(outcome.error)]
    case 'cancel':
      return ['x', reasonText(outcome.reason), '']
    case 'release':
      return ['l', '', '']
    default:
      return ['s', outcome.delayMs, '']
  }
}

/** Longer texts of an error are cut: one job's message must not keep the outcomes of others from being settled. */
const LONGEST_ERROR_TEXT = 65_536

/** Whatever a handler threw is kept, as far as it is text that can be stored. */
function errorText(error: JobError): string {
  const texts = Object.entries(error).filter(([, value]) => typeof value === 'string')
  return encodeValue(Object.fromEntries(texts.map(([key, value]) => [key, storable(value as string)])))
}

function storable(text: string): string {
  return text.slice(0, LONGEST_ERROR_TEXT).toWellFormed()
}

/** A reason stands between NULs in the record. */
export function reasonText(reason: string | undefined): string {
  return reason === undefined ? '' : storable(reason).replaceAll('\0', '\uFFFD')
}

export type SettleAnswer = readonly [
  digits: string,
  fence: string,
  due: string,
  openSince: string,
  ...jobs: string[],
]

export interface UnreadableClaim {
  readonly id: string
  readonly token: string
  readonly error: JobError
}

export interface ReadClaims {
  readonly jobs: readonly ClaimedJob[]
  /** Those whose bytes cannot be read: they fail, and keep their bytes. */
  readonly unreadable: readonly UnreadableClaim[]
}

export function readClaims(answer: SettleAnswer, worker: string): ReadClaims {
  const jobs: ClaimedJob[] = []
  const unreadable: UnreadableClaim[] = []
  const token = tokenOf(answer[1], worker)
  const fence = Number(answer[1])
  for (let i = 4; i < answer.length; i += 3) {
    const entry = answer[i] as string
    try {
      jobs.push(readClaim(entry, answer[i + 1] as string, answer[i + 2] as string, fence, token))
    } catch (error) {
      if (!(error instanceof ValueUnserializableError)) throw error
      unreadable.push({
        id: entry.slice(11),
        token,
        error: { name: error.name, message: error.message, code: error.code },
      })
    }
  }
  return { jobs, unreadable }
}
