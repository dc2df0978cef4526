import type { ClaimedJob, ClaimRequest, ClaimType } from '../../contracts/job-store.ts'
import { resolveLeases } from './claim-decisions.ts'
import { newToken } from './claim-token.ts'
import { inParallel } from './in-parallel.ts'
import { toClaimed } from './job-row.ts'
import type { ComposedParts } from './parts.ts'
import type { Leased } from './queues.ts'
import { quietly } from './take-back.ts'

export interface ClaimAnswer {
  readonly jobs: readonly ClaimedJob[]
  readonly nextDueInMs: number | null
}

export const NOTHING: ClaimAnswer = { jobs: [], nextDueInMs: null }

/** Ids of a type at its limit wait for a slot, of which a wake tells; this is for the wake that was lost, and for a broker that cannot say. */
const POLL_MS = 1_000

/** A wanted type while a claim runs. */
interface Candidate {
  readonly want: ClaimType
  /** How many more of it the claim may take. */
  left: number
  /** It gave as many as were asked for: there may be more. */
  full: boolean
  gave: boolean
  /** It was empty the last times: to be asked for only when something is due. */
  looks: boolean
  /** What that look found. */
  due: number | null | undefined
  /** To be told whether it has nothing, neither now nor later. */
  readonly asked: (empty: boolean) => void
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

  async claim(want: ClaimRequest, token: string): Promise<ClaimAnswer> {
    const leaseMs = await this.#parts.workers.leaseOf(want.worker)
    if (leaseMs === undefined) return NOTHING
    const candidates = this.#inTurn(want)
    const leases = await this.#leaseAll(want, candidates, leaseMs)
    const [jobs, nextDueInMs] = await Promise.all([
      this.#take(want, token, leases),
      this.#nextDueIn(candidates),
    ])
    return { jobs, nextDueInMs }
  }

  #inTurn({ types, limit }: ClaimRequest): Candidate[] {
    if (limit === 0 || types.length === 0) return []
    const first = this.#turn++ % types.length
    const candidates: Candidate[] = []
    for (const want of [...types.slice(first), ...types.slice(0, first)]) {
      const left = Math.min(want.limit ?? limit, limit)
      const { quiet } = this.#parts
      const turn = mayRest(want) ? quiet.turnOf(want.type) : 'ask'
      if (left === 0 || turn === 'rest') continue
      const asked = quiet.asking(want.type)
      const looks = turn === 'look'
      candidates.push({ want, left, full: false, gave: false, looks, due: undefined, asked })
    }
    return candidates
  }

  /** With what is handed over meanwhile, as far as there is room for it. */
  async #leaseAll(want: ClaimRequest, candidates: Candidate[], leaseMs: number): Promise<Leased[]> {
    const claim = this.#parts.open.begin(want)
    let leases: Leased[] = []
    let room = 0
    try {
      leases = await this.#lease(want, candidates, leaseMs)
      room = want.limit - leases.length
    } finally {
      const handed = claim.answered(room)
      leases.push(...handed.splice(0, room))
      this.#giveBack(handed)
    }
    return leases
  }

  /** Rounds over the types, until nothing is wanted any more or nothing more comes. */
  async #lease(want: ClaimRequest, candidates: Candidate[], leaseMs: number): Promise<Leased[]> {
    const { limit } = want
    const leases: Leased[] = []
    let asked = candidates
    while (asked.length > 0 && leases.length < limit) {
      const shares = this.#share(asked, limit - leases.length)
      const answers = await inParallel(shares, async ([candidate, share]) => {
        if (candidate.looks && !(await this.#isDue(candidate))) return []
        const got = await this.#leaseType(candidate.want, want, share, leaseMs)
        candidate.gave ||= got.length > 0
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

  async #isDue(candidate: Candidate): Promise<boolean> {
    const due = await this.#dueIn(candidate.want)
    candidate.looks = false
    if (due === 0) return true
    candidate.due = due
    return false
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

  async #leaseType(
    { type, maxActive }: ClaimType,
    { worker, handOver }: ClaimRequest,
    limit: number,
    leaseMs: number,
  ): Promise<Leased[]> {
    const { queues, slots } = this.#parts
    if (maxActive === undefined || queues.holdsLimits) {
      const takes = handOver !== undefined && maxActive === undefined
      const handed = takes ? (one: Leased) => this.#handedOver(worker, one) : undefined
      return this.#ask(worker, () =>
        queues.claim(type, worker, limit, leaseMs, { maxActive, handOver: handed }),
      )
    }
    const keys = await slots.take(type, worker, limit, maxActive, leaseMs)
    const leases =
      keys.length === 0 ? [] : await this.#ask(worker, () => queues.claim(type, worker, keys.length, leaseMs))
    for (const [index, { id }] of leases.entries()) slots.assign(worker, id, keys[index]!)
    await slots.giveBack(worker, keys.slice(leases.length))
    return leases
  }

  /**
   * A worker that has jobs has outcomes to settle soon, which wait for this call: it does not wait for a broker that is gone. What comes
   * too late is given back. One that has none may as well wait until the broker is there again.
   */
  #ask(worker: string, claim: () => Promise<Leased[]>): Promise<Leased[]> {
    const { book, patience } = this.#parts
    if (!book.holds(worker)) return claim()
    return patience.wait(claim, { what: 'claim', onLate: (leases) => this.#giveBack(leases) })
  }

  /** What a broker gave too late, or beyond what there is room for. */
  #giveBack(leases: readonly Leased[]): void {
    if (leases.length === 0) return
    void quietly(this.#parts, 'what a broker gave was not given back; its leases end', async () => {
      await this.#parts.queues.nack(leases.map((leased) => ({ ...leased, delayMs: 0 })))
    })
  }

  /** The broker leased this to a claim that stayed open. Nobody is woken for that, so the type is asked for again all the same. */
  #handedOver(worker: string, leased: Leased): void {
    const { open, quiet } = this.#parts
    quiet.woken(leased.type)
    const claim = open.of(worker)
    const takes = claim?.takes(leased) ?? 'not'
    if (takes === 'not') this.#giveBack([leased])
    else if (takes === 'now')
      void quietly(this.#parts, 'a job that was handed over was not claimed; it comes again', () =>
        open.run(worker, () => this.#claimHanded(claim!.want, leased)),
      )
  }

  async #claimHanded({ worker, handOver }: ClaimRequest, leased: Leased): Promise<void> {
    if ((await this.#parts.workers.leaseOf(worker)) === undefined) return this.#giveBack([leased])
    const token = newToken(worker)
    await this.#parts.book.handingOut(token, async () => {
      const want = { worker, limit: 1, types: [{ type: leased.type }] }
      for (const job of await this.#take(want, token, [leased])) handOver?.(job)
    })
  }

  async #take(
    { worker, types }: ClaimRequest,
    token: string,
    leases: readonly Leased[],
  ): Promise<ClaimedJob[]> {
    const { book, dispatcher, jobs, slots } = this.#parts
    const limited = types.some(({ maxActive }) => maxActive !== undefined)
    const claims = await resolveLeases(this.#parts, worker, token, leases, limited)
    for (const claim of claims) book.add(claim)
    const taken = new Set(claims.map(({ row }) => row.id))
    dispatcher.forget(taken)
    await quietly(
      this.#parts,
      'places under a type’s limit were not given back; they end by themselves',
      () => slots.free(leases.map(({ id }) => id).filter((id) => !taken.has(id))),
    )
    return claims.map(({ row }) => toClaimed(row, !jobs.patches))
  }

  async #nextDueIn(candidates: readonly Candidate[]): Promise<number | null> {
    const isMore = candidates.some(({ full }) => full)
    // a type that gives is not quiet, also when nobody is asked what is due
    for (const { gave, asked } of candidates) if (gave) asked(false)
    const dues = await inParallel(isMore ? [] : candidates, async (candidate) => {
      const due = candidate.due === undefined ? await this.#dueIn(candidate.want) : candidate.due
      const tellsAll = mayRest(candidate.want) && this.#parts.queues.tellsDue
      candidate.asked(tellsAll && !candidate.gave && due === null)
      return due
    })
    if (isMore) return 0
    return dues.reduce((first, due) => (due === null || (first !== null && first < due) ? first : due), null)
  }

  /** Never rejects: what was claimed is not lost for it. */
  async #dueIn({ type, maxActive }: ClaimType): Promise<number | null> {
    const due = await this.#parts.queues.nextDueIn(type).catch(() => POLL_MS)
    return due === 0 && maxActive !== undefined ? POLL_MS : due
  }
}

/** A place under a limit may become free without a wake. */
function mayRest({ maxActive }: ClaimType): boolean {
  return maxActive === undefined
}
