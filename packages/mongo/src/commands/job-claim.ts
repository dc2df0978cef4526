/**
 * Claims for one worker by (priority, due) over its wanted types. Two trips: a look (job-look.ts), then those jobs are taken that are still as
 * they were seen. A third tells which, where others took some. What has come due is moved to the ready ones first, which costs three more;
 * types with a limit cost two more (job-limits.ts).
 *
 * A worker that was woken, so that there is probably one job and nothing before it, takes the first one beside a look at what may forbid it: one
 * trip. What is forbidden, because its type is paused, something came due or the worker is dead, goes back as it was. Whether there is more the next claim tells.
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
import { tokenText } from '../job-book.ts'
import { knownJob } from '../job-changes.ts'
import { idOf, readClaim } from '../job-codec.ts'
import type { JobDocument } from '../job-document.ts'
import {
  type Claimer,
  type LimitedType,
  type Reservation,
  releasePlaces,
  reservePlaces,
} from '../job-limits.ts'
import type { JobSpace } from '../job-space.ts'
import { expireJobs } from './job-expire.ts'
import { type Look, type LookBeside, lookBeside, lookForJobs } from './job-look.ts'
import { promoteDue } from './job-promote.ts'
import { First, makeSure, takeJobs } from './job-take.ts'

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

/** `woken`: there are probably some, and only a few. */
export async function claimJobs(space: JobSpace, want: ClaimRequest, woken: boolean): Promise<Claim> {
  const distinct = new Map(want.types.map((type) => [type.type, type]))
  if (distinct.size === 0) return NOTHING
  const numbers = await space.names.numbers([...distinct.keys()])
  const wanted = [...distinct.values()].map(({ limit = want.limit, maxActive }, i) => ({
    type: numbers[i] as number,
    left: Math.min(limit, want.limit),
    maxActive,
  }))
  return await new JobClaim(space, want, { wanted, woken }).run()
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

type End = 'again' | 'done' | 'dead'

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
  /** Woken, and not looked yet. */
  #takesFirst: boolean
  #hasPromoted = false
  #nextDueInMs: number | null = null

  constructor(
    space: JobSpace,
    want: ClaimRequest,
    { wanted, woken }: { readonly wanted: readonly WantedType[]; readonly woken: boolean },
  ) {
    this.#space = space
    this.#want = want
    this.#wanted = wanted
    this.#takesFirst = woken
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

  async #round(): Promise<End> {
    const space = this.#space
    const skipped = space.pauses.seen
    const open = this.#wanted.filter(({ type }) => !skipped.has(type))
    const claimer: Claimer = { fence: space.clock.nextMicros(), worker: this.#want.worker }
    if (this.#mayTakeFirst(open)) return await this.#takeFirst(claimer, open, skipped)
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
      const end = await this.#forbidden(seen, open, skipped)
      if (end !== undefined) return end
      return await this.#take(claimer, this.#choose(seen, reservation), { seen, reservation })
    } finally {
      await releasePlaces(space, claimer, limited)
    }
  }

  async #takeFirst(
    claimer: Claimer,
    open: readonly WantedType[],
    skipped: ReadonlySet<number>,
  ): Promise<End> {
    const space = this.#space
    const first = new First(space, claimer, open.map(typeOf))
    try {
      const types = open.map((type) => this.#most(type))
      const [seen] = await Promise.all([lookBeside(space, this.#want.worker, types), first.taking])
      const end = await this.#forbidden(seen, open, skipped)
      if (end !== undefined) return end
      const taken = await first.keep()
      if (taken === undefined) return 'again'
      this.#note(claimer, await makeSure(space, claimer, taken))
      this.#nextDueInMs = taken.length > 0 || isDue(seen.next) ? 0 : waitFor(seen.next)
      return 'done'
    } finally {
      await first.giveBackUnlessKept()
    }
  }

  /** Only where nothing speaks against it that is known before the look. */
  #mayTakeFirst(open: readonly WantedType[]): boolean {
    const { worker, limit } = this.#want
    const may = this.#takesFirst && limit > 0 && open.length > 0 && this.#space.spread.isAtHead
    this.#takesFirst = false
    if (!may || open.some(({ left, maxActive }) => left < limit || maxActive !== undefined)) return false
    return this.#space.leases.isSure(worker, open.map(typeOf))
  }

  /** What the look says against this round: that the worker is dead, or why to look again. */
  async #forbidden(
    seen: LookBeside,
    open: readonly WantedType[],
    skipped: ReadonlySet<number>,
  ): Promise<Exclude<End, 'done'> | undefined> {
    const space = this.#space
    if (!seen.alive) return 'dead'
    if (this.#wanted.some(({ type }) => skipped.has(type) !== seen.paused.has(type))) {
      space.pauses.seen = seen.paused
      return 'again'
    }
    if (!isDue(seen.next) || this.#hasPromoted) return undefined
    this.#hasPromoted = true
    await promoteDue(space, open.map(typeOf), seen.next.now)
    return 'again'
  }

  #note({ fence }: Claimer, taken: readonly JobDocument[]): void {
    for (const document of taken) {
      this.#taken.push({ document, fence })
      const wanted = this.#wanted.find(({ type }) => type === document.q)
      if (wanted) wanted.left--
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
  ): Promise<Exclude<End, 'dead'>> {
    const space = this.#space
    const [taken] = await Promise.all([
      takeJobs(space, claimer, chosen, reservation.until),
      expireJobs(space, expired),
    ])
    this.#note(claimer, taken)
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
    let claimer: Claimer = { fence: 0, worker }
    let token = ''
    const inOrder = this.#taken.sort((a, b) => a.document.r - b.document.r || a.document.d - b.document.d)
    for (const { document, fence } of inOrder) {
      if (fence !== claimer.fence) {
        claimer = { fence, worker }
        token = tokenText(claimer)
      }
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

function typeOf({ type }: WantedType): number {
  return type
}

function isDue(next: Look['next']): next is NonNullable<Look['next']> {
  return next !== undefined && next.due <= next.now
}

function waitFor(next: Look['next']): number | null {
  return next === undefined ? null : Math.max(0, (next.due - next.now) / 1000)
}
