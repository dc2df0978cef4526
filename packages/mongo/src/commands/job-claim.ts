/**
 * Claims for one worker by (priority, due) over its wanted types. Two trips: a look (job-look.ts), then those jobs are taken that are still as
 * they were seen. A third tells which, where others took some. What has come due is moved to the ready ones first, which costs three more;
 * types with a limit cost two more (job-limits.ts).
 *
 * Claims are acknowledged by the primary alone: should a failover lose one, its jobs are ready again, its token proves nothing, and they
 * run once more. At-most-once jobs and types with a limit must not, so their claims wait for the majority.
 *
 * The fence is the microsecond of the claim, and with the worker it is the token. So a lost answer is asked for again, and what the first
 * try took is found by its token.
 *
 * Indexes: _id.
 */
import {
  type ClaimedJob,
  type ClaimRequest,
  type JobError,
  ValueUnserializableError,
} from '@sched/core/adapter'
import type { Document } from 'mongodb'
import { tokenText } from '../job-book.ts'
import { knownJob } from '../job-changes.ts'
import { idOf, readClaim } from '../job-codec.ts'
import { type JobDocument, STATE } from '../job-document.ts'
import { keyText } from '../job-key.ts'
import {
  type Claimer,
  type LimitedType,
  type Reservation,
  releasePlaces,
  reservePlaces,
} from '../job-limits.ts'
import { readSettings } from '../job-settings.ts'
import { find, type JobSpace, type Statement, update } from '../job-space.ts'
import { expireJobs } from './job-expire.ts'
import { type Look, lookForJobs } from './job-look.ts'
import { promoteDue } from './job-promote.ts'

export interface Claim {
  readonly jobs: readonly ClaimedJob[]
  readonly nextDueInMs: number | null
  /** Those whose bytes cannot be read: they fail, and keep their bytes. */
  readonly unreadable: readonly UnreadableClaim[]
}

export interface UnreadableClaim {
  readonly id: string
  readonly token: string
  readonly error: JobError
}

const NOTHING: Claim = { jobs: [], nextDueInMs: null, unreadable: [] }
/** So many looks a call: after something came due, jobs had expired, types were paused or others were quicker. */
const LOOKS = 5

export async function claimJobs(space: JobSpace, want: ClaimRequest): Promise<Claim> {
  const distinct = new Map(want.types.map((type) => [type.type, type]))
  if (distinct.size === 0) return NOTHING
  const numbers = await space.names.numbers([...distinct.keys()])
  const wanted = [...distinct.values()].map(({ limit = want.limit, maxActive }, i) => ({
    type: numbers[i] as number,
    left: Math.min(limit, want.limit),
    maxActive,
  }))
  return await new JobClaim(space, want, wanted).run()
}

interface WantedType {
  readonly type: number
  /** Most of it in this claim; goes down as it is taken. */
  left: number
  readonly maxActive: number | undefined
}

interface Taken {
  readonly document: JobDocument
  readonly fence: number
}

interface Choice {
  readonly chosen: readonly JobDocument[]
  readonly expired: readonly JobDocument[]
  /** More is claimable than was chosen. */
  readonly more: boolean
}

class JobClaim {
  readonly #space: JobSpace
  readonly #want: ClaimRequest
  readonly #wanted: readonly WantedType[]
  readonly #taken: Taken[] = []
  #hasPromoted = false
  #nextDueInMs: number | null = null

  constructor(space: JobSpace, want: ClaimRequest, wanted: readonly WantedType[]) {
    this.#space = space
    this.#want = want
    this.#wanted = wanted
  }

  async run(): Promise<Claim> {
    for (let looks = 1; looks <= LOOKS; looks++) {
      const end = await this.#round()
      if (end === 'dead') return NOTHING
      if (end === 'done') break
    }
    return { ...this.#read(), nextDueInMs: this.#nextDueInMs }
  }

  get #room(): number {
    return this.#want.limit - this.#taken.length
  }

  async #round(): Promise<'again' | 'done' | 'dead'> {
    const space = this.#space
    const skipped = space.pauses.seen
    const open = this.#wanted.filter(({ type }) => !skipped.has(type))
    const claimer: Claimer = { fence: space.clock.nextMicros(), worker: this.#want.worker }
    const limited = this.#limited(open)
    const from = space.spread.from()
    const [reservation, seen] = await Promise.all([
      reservePlaces(space, claimer, limited),
      lookForJobs(
        space,
        this.#want.worker,
        open.map((type) => this.#most(type)),
        { limit: this.#room, from },
      ),
    ])
    try {
      if (!seen.alive) return 'dead'
      if (this.#wanted.some(({ type }) => skipped.has(type) !== seen.paused.has(type))) {
        space.pauses.seen = seen.paused
        return 'again'
      }
      if (isDue(seen.next) && !this.#hasPromoted) {
        this.#hasPromoted = true
        await promoteDue(
          space,
          open.map(({ type }) => type),
          seen.next.now,
        )
        return 'again'
      }
      return await this.#take(claimer, this.#choose(seen, reservation), { seen, reservation })
    } finally {
      await releasePlaces(space, claimer, limited)
    }
  }

  #most({ type, left, maxActive }: WantedType): { readonly type: number; readonly most: number } {
    return { type, most: Math.min(left, this.#room, maxActive ?? this.#room) }
  }

  #limited(open: readonly WantedType[]): readonly LimitedType[] {
    return open.flatMap((wanted) =>
      wanted.maxActive === undefined || this.#most(wanted).most === 0
        ? []
        : [{ ...this.#most(wanted), maxActive: wanted.maxActive }],
    )
  }

  #choose({ ready, cut }: Look, { places, contended }: Reservation): Choice {
    const past = this.#space.clock.past()
    const left = new Map(this.#wanted.map((wanted) => [wanted.type, wanted.left]))
    const free = new Map(places)
    const chosen: JobDocument[] = []
    const expired: JobDocument[] = []
    let more = cut
    for (const document of ready) {
      const { q } = document
      const place = free.get(q)
      if (document.e !== undefined && document.e.getTime() <= past) expired.push(document)
      else if (place !== undefined && place <= 0) more ||= contended.has(q)
      else if (chosen.length >= this.#room || (left.get(q) ?? 0) <= 0) more = true
      else {
        chosen.push(document)
        left.set(q, (left.get(q) ?? 0) - 1)
        if (place !== undefined) free.set(q, place - 1)
      }
    }
    return { chosen, expired, more }
  }

  async #take(
    claimer: Claimer,
    { chosen, expired, more }: Choice,
    { seen, reservation }: { readonly seen: Look; readonly reservation: Reservation },
  ): Promise<'again' | 'done'> {
    const space = this.#space
    const [taken] = await Promise.all([
      takeJobs(space, claimer, chosen, reservation.until),
      expireJobs(space, expired),
    ])
    for (const document of taken) {
      this.#taken.push({ document, fence: claimer.fence })
      const wanted = this.#wanted.find(({ type }) => type === document.q)
      if (wanted) wanted.left--
    }
    const spreading = space.spread.report({ chosen, taken: taken.length, more })
    const lost = taken.length < chosen.length
    this.#nextDueInMs = more || lost || spreading || isDue(seen.next) ? 0 : waitFor(seen.next)
    // what expired took the place of others; and who found nothing where others were quicker looks elsewhere
    const isShort = this.#room > 0 && (more || lost || spreading)
    return isShort && (expired.length > 0 || this.#taken.length === 0) ? 'again' : 'done'
  }

  #read(): Pick<Claim, 'jobs' | 'unreadable'> {
    const { names, book } = this.#space
    const { worker } = this.#want
    const jobs: ClaimedJob[] = []
    const unreadable: UnreadableClaim[] = []
    const inOrder = this.#taken.sort((a, b) => a.document.r - b.document.r || a.document.d - b.document.d)
    for (const { document, fence } of inOrder) {
      const token = tokenText({ fence, worker })
      const id = idOf(document)
      book.add(id, { ...knownJob(document), fence, worker })
      try {
        jobs.push(readClaim(document, names.known(document.q), fence, token))
      } catch (error) {
        if (!(error instanceof ValueUnserializableError)) throw error
        unreadable.push({ id, token, error: { name: error.name, message: error.message } })
      }
    }
    return { jobs, unreadable }
  }
}

function isDue(next: Look['next']): next is NonNullable<Look['next']> {
  return next !== undefined && next.due <= next.now
}

function waitFor(next: Look['next']): number | null {
  return next === undefined ? null : Math.max(0, (next.due - next.now) / 1000)
}

/** Those that were still as they had been seen. */
async function takeJobs(
  space: JobSpace,
  { fence, worker }: Claimer,
  documents: readonly JobDocument[],
  until: Date | undefined,
): Promise<readonly JobDocument[]> {
  if (documents.length === 0) return documents
  const u = {
    $set: { s: STATE.running, m: fence, w: worker },
    $inc: { a: 1 },
    $currentDate: { k: true },
  }
  const statements: Statement[] = asSeen(documents).map(({ keys, condition }) => ({
    q: { _id: keys.length === 1 ? keys[0] : { $in: keys }, ...inTime(condition, until) },
    u,
    multi: true,
  }))
  const quick = until === undefined && !documents.some(({ h }) => readSettings(h).once)
  const { found } = await update(space, statements, { name: 'job claim', quick })
  if (found === documents.length) return documents
  const { documents: mine } = await find<Pick<JobDocument, '_id'>>(space, 'job claim', {
    filter: { _id: { $in: documents.map(({ _id }) => _id) }, s: STATE.running, m: fence, w: worker },
    projection: { _id: 1 },
    limit: documents.length,
  })
  const keys = new Set(mine.map(({ _id }) => keyText(_id)))
  return documents.filter(({ _id }) => keys.has(keyText(_id)))
}

interface SeenGroup {
  readonly keys: JobDocument['_id'][]
  readonly condition: Document
}

/** Nobody has claimed them since: their fence is the one that was seen. Those that expire must not have. */
function asSeen(documents: readonly JobDocument[]): readonly SeenGroup[] {
  const groups = new Map<string, SeenGroup>()
  for (const { _id, m, e } of documents) {
    const kind = `${m} ${e === undefined}`
    const group = groups.get(kind)
    if (group !== undefined) {
      group.keys.push(_id)
      continue
    }
    const condition: Document = { s: STATE.ready, m: m ?? null }
    if (e !== undefined) condition.$expr = { $gt: ['$e', '$$NOW'] }
    groups.set(kind, { keys: [_id], condition })
  }
  return [...groups.values()]
}

function inTime(condition: Document, until: Date | undefined): Document {
  if (until === undefined) return condition
  const inTime = { $lt: ['$$NOW', until] }
  return { ...condition, $expr: condition.$expr ? { $and: [condition.$expr, inTime] } : inTime }
}
