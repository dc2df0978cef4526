import type { ClaimedJob, ClaimRequest, ClaimType } from '../../contracts/job-store.ts'
import { resolveLeases } from './claim-decisions.ts'
import { newToken } from './claim-token.ts'
import { inParallel } from './in-parallel.ts'
import { toClaimed } from './job-row.ts'
import type { ComposedParts } from './parts.ts'
import type { Leased } from './queues.ts'

export interface ClaimAnswer {
  readonly jobs: readonly ClaimedJob[]
  readonly nextDueInMs: number | null
}

export const NOTHING: ClaimAnswer = { jobs: [], nextDueInMs: null }

/** Ids of a type at its limit wait for a slot, of which a wake tells; this is for the wake that was lost. */
const SATURATED_POLL_MS = 1_000

/** A wanted type while a claim runs. */
interface Candidate {
  readonly want: ClaimType
  /** How many more of it the claim may take. */
  left: number
  /** It gave as many as were asked for: there may be more. */
  full: boolean
}

/**
 * Claims for a worker, its types in turn: ids from the broker, records from the storage, and for each id what its record says
 * ({@link resolveLeases}).
 */
export class Claimer {
  readonly #parts: ComposedParts
  /** Types that gave nothing at the last claim: asked for little at first. */
  readonly #empty: Set<string> = new Set()
  #turn = 0

  constructor(parts: ComposedParts) {
    this.#parts = parts
  }

  async claim(want: ClaimRequest): Promise<ClaimAnswer> {
    const { workers, book } = this.#parts
    const leaseMs = await workers.leaseOf(want.worker)
    if (leaseMs === undefined) return NOTHING
    const candidates = this.#inTurn(want)
    const token = newToken(want.worker)
    const end = book.begin(token)
    try {
      const leases = await this.#lease(want, candidates, leaseMs)
      const [jobs, nextDueInMs] = await Promise.all([
        this.#take(want.worker, token, leases),
        this.#nextDueIn(candidates),
      ])
      return { jobs, nextDueInMs }
    } finally {
      end()
    }
  }

  #inTurn({ types, limit }: ClaimRequest): Candidate[] {
    if (limit === 0 || types.length === 0) return []
    const first = this.#turn++ % types.length
    return [...types.slice(first), ...types.slice(0, first)]
      .map((want) => ({ want, left: Math.min(want.limit ?? limit, limit), full: false }))
      .filter(({ left }) => left > 0)
  }

  /** Rounds over the types, until nothing is wanted any more or nothing more comes. */
  async #lease({ worker, limit }: ClaimRequest, candidates: Candidate[], leaseMs: number): Promise<Leased[]> {
    const leases: Leased[] = []
    let asked = candidates
    while (asked.length > 0 && leases.length < limit) {
      const shares = this.#share(asked, limit - leases.length)
      const answers = await inParallel(shares, async ([candidate, share]) => {
        const got = await this.#leaseType(candidate.want, worker, share, leaseMs)
        candidate.left -= got.length
        candidate.full = got.length >= share
        if (got.length > 0) this.#empty.delete(candidate.want.type)
        else this.#empty.add(candidate.want.type)
        return got
      })
      leases.push(...answers.flat())
      const unasked = asked.slice(shares.length)
      asked = [
        ...unasked,
        ...shares.map(([candidate]) => candidate).filter(({ full, left }) => full && left > 0),
      ]
    }
    return leases
  }

  /** How many to ask each for: one of those that were empty, and the rest evenly of the others; `free` in all. */
  #share(candidates: readonly Candidate[], free: number): [Candidate, number][] {
    const asked = candidates.slice(0, free)
    const lively = asked.filter(({ want }) => !this.#empty.has(want.type))
    const eager = lively.length > 0 ? lively : asked
    let rest = free - (asked.length - eager.length)
    let places = eager.length
    return asked.map((candidate) => {
      if (!eager.includes(candidate)) return [candidate, 1]
      const share = Math.min(candidate.left, Math.ceil(rest / places--))
      rest -= share
      return [candidate, share]
    })
  }

  async #leaseType(want: ClaimType, worker: string, limit: number, leaseMs: number): Promise<Leased[]> {
    const { queues, slots } = this.#parts
    if (want.maxActive === undefined || queues.holdsLimits)
      return queues.claim(want.type, worker, limit, leaseMs, want.maxActive)
    const keys = await slots.take(want.type, worker, limit, want.maxActive, leaseMs)
    const leases =
      keys.length === 0 ? [] : await queues.claim(want.type, worker, keys.length, leaseMs, undefined)
    for (const [index, { id }] of leases.entries()) slots.assign(worker, id, keys[index]!)
    await slots.giveBack(worker, keys.slice(leases.length))
    return leases
  }

  async #take(worker: string, token: string, leases: readonly Leased[]): Promise<ClaimedJob[]> {
    const { book, dispatcher, slots } = this.#parts
    const claims = await resolveLeases(this.#parts, worker, token, leases)
    for (const claim of claims) book.add(claim)
    const taken = new Set(claims.map(({ row }) => row.id))
    dispatcher.forget(taken)
    await slots.free(leases.map(({ id }) => id).filter((id) => !taken.has(id)))
    return claims.map(({ row }) => toClaimed(row))
  }

  async #nextDueIn(candidates: readonly Candidate[]): Promise<number | null> {
    if (candidates.some(({ full }) => full)) return 0
    const dues = await inParallel(candidates, async ({ want }) => {
      const due = await this.#parts.queues.nextDueIn(want.type)
      return due === 0 && want.maxActive !== undefined ? SATURATED_POLL_MS : due
    })
    return dues.reduce((first, due) => (due === null || (first !== null && first < due) ? first : due), null)
  }
}
