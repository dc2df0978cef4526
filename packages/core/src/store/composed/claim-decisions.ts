import { SchedError } from '../../errors/sched-error.ts'
import type { BookedClaim } from './claim-book.ts'
import { claimPatch } from './job-patch.ts'
import { isFinal, type JobRow } from './job-row.ts'
import { jobOf, readJobs, type StoredJob, type UndecodableJob, undecodableRow } from './job-table.ts'
import type { ComposedParts } from './parts.ts'
import type { Leased, Return } from './queues.ts'
import { isUndecodable } from './record-table.ts'
import { type Finish, finishOf } from './tallies.ts'
import { type Claimer, claimed, crashed, finished, isExpired } from './transitions.ts'

/** How often a refused claim reads again within one call; what is left is given back. */
const MAX_READS = 4
/** A record may be there a moment later: its transaction commits, or its insert is under way. */
const MISSING_DELAY_MS = 1_000
/** Storage failed: claims stop for a while and recover by themselves. */
const OUTAGE_DELAY_MS = 1_000

/** What an id's record says about it. */
type Decision =
  | { readonly kind: 'ack' }
  | { readonly kind: 'nack'; readonly delayMs: number }
  | { readonly kind: 'write'; readonly row: StoredJob }

const ACK: Decision = { kind: 'ack' }

/**
 * For each leased id what its record says: missing → given back once, then acknowledged; finished → acknowledged; expired → failed;
 * not due → given back until then; running under a worker that is not dead → given back until its lease ends; else claimed, with a dead
 * worker's crash counted in the same write. Refused → read again. Resolves to the claims; where the storage fails, all is given back.
 * `limited`: a type's limit holds for them.
 */
export async function resolveLeases(
  parts: ComposedParts,
  worker: string,
  token: string,
  leases: readonly Leased[],
  limited: boolean,
): Promise<BookedClaim[]> {
  const resolution = new Resolution(parts, worker, token, limited)
  try {
    await resolution.run(leases)
  } catch (error) {
    if (resolution.claims.length === 0) throw error
    parts.logger.warn('a claim ended early; what it has is run', { claims: resolution.claims.length, error })
  } finally {
    await resolution.tellBroker()
  }
  return inOrder(resolution.claims, leases)
}

/** As the broker gave them. */
function inOrder(claims: readonly BookedClaim[], leases: readonly Leased[]): BookedClaim[] {
  const places = new Map(leases.map(({ id }, index) => [id, index]))
  return claims.toSorted((a, b) => places.get(a.row.id)! - places.get(b.row.id)!)
}

class Resolution {
  readonly claims: BookedClaim[] = []
  readonly #parts: ComposedParts
  readonly #worker: string
  readonly #token: string
  readonly #limited: boolean
  readonly #acks: Leased[] = []
  readonly #nacks: Return[] = []
  readonly #finishes: Finish[] = []

  constructor(parts: ComposedParts, worker: string, token: string, limited: boolean) {
    this.#parts = parts
    this.#worker = worker
    this.#token = token
    this.#limited = limited
  }

  async run(leases: readonly Leased[]): Promise<void> {
    let open = await this.#withoutPaused(leases)
    if (this.#parts.jobs.patches && open.length > 0) open = await this.#claimUnread(open)
    for (let reads = 0; reads < MAX_READS && open.length > 0; reads++) open = await this.#round(open)
    this.#giveBack(open, 0)
  }

  /** Never rejects: what the broker is not told, its leases' ends tell it. */
  async tellBroker(): Promise<void> {
    const { queues, tallies, logger } = this.#parts
    tallies.add(this.#finishes)
    const calls = [queues.ack(this.#acks), queues.nack(this.#nacks)]
    for (const call of await Promise.allSettled(calls)) {
      if (call.status === 'rejected')
        logger.warn('the broker was not told what its ids came to; their leases end', { error: call.reason })
    }
  }

  /** A broker that lost its flags gives of paused types, too, until it is told again. */
  async #withoutPaused(leases: readonly Leased[]): Promise<readonly Leased[]> {
    const paused = await this.#orGiveBack(leases, () =>
      this.#parts.types.pausedOf(leases.map(({ type }) => type)),
    )
    if (paused.size === 0) return leases
    this.#giveBack(
      leases.filter(({ type }) => paused.has(type)),
      0,
    )
    return leases.filter(({ type }) => !paused.has(type))
  }

  /**
   * Claims what is pending and due in one call. Resolves to the others, to be read and judged. A server that crashes right afterwards may
   * forget it: such a job runs once more, as after a crash of its worker, and the first run's outcome is stale. So nothing that runs at most
   * once, or under a limit, is claimed like that.
   */
  async #claimUnread(leases: readonly Leased[]): Promise<readonly Leased[]> {
    if (this.#isLate(leases)) return []
    const { jobs, onceTypes } = this.#parts
    const now = this.#parts.now()
    const lasting = this.#limited || leases.some(({ type }) => onceTypes.has(type))
    const patches = leases.map((leased) => claimPatch(leased, this.#claimer(leased, now), lasting))
    let rows: (StoredJob | null)[]
    try {
      rows = await jobs.patchAndRead(patches, lasting)
    } catch (error) {
      // those beside one that cannot be decoded were claimed: they are found by their token
      if (isUndecodable(error)) return leases
      // as after any write: what may have been claimed stays leased
      if (!(error instanceof SchedError && error.ambiguous)) this.#giveBack(leases, OUTAGE_DELAY_MS)
      throw error
    }
    return leases.filter((leased, index) => {
      const row = jobOf(leased.id, rows[index] ?? null)
      if (row?.state !== 'running') return true
      this.claims.push({ row, leased })
      return false
    })
  }

  /** Past its lease the worker claims nothing; to be asked at the last moment before. */
  #isLate(leases: readonly Leased[]): boolean {
    const late = this.#parts.workers.isLate(this.#worker)
    if (late) this.#giveBack(leases, 0)
    return late
  }

  /** Resolves to those that were refused. */
  async #round(leases: readonly Leased[]): Promise<Leased[]> {
    const jobs = await this.#orGiveBack(leases, () =>
      readJobs(
        this.#parts.jobs,
        leases.map(({ id }) => id),
      ),
    )
    const runners = jobs.flatMap((job) => (job?.state === 'running' && job.worker ? [job.worker] : []))
    const living = await this.#orGiveBack(leases, () => this.#parts.workers.living(runners))
    if (this.#isLate(leases)) return []
    const writes: { readonly leased: Leased; readonly row: StoredJob }[] = []
    for (const [index, leased] of leases.entries()) {
      const job = jobs[index] ?? null
      if (job?.state === 'running' && job.token === this.#token) {
        this.claims.push({ row: job, leased })
        continue
      }
      const decision = this.#decide(leased, job, living)
      if (decision.kind === 'ack') this.#acks.push(leased)
      else if (decision.kind === 'nack') this.#giveBack([leased], decision.delayMs)
      else writes.push({ leased, row: decision.row })
    }
    // an ambiguous answer leaves the ids leased: a heartbeat releases what was claimed, and the leases end
    const stored = await this.#parts.jobs.replace(writes.map(({ row }) => row))
    for (const [index, { leased, row }] of writes.entries()) {
      if (!stored[index]) continue
      if (row.state === 'running') this.claims.push({ row, leased })
      else this.#acks.push(leased)
      this.#finishes.push(...finishOf(row))
    }
    return writes.filter((_, index) => !stored[index]).map(({ leased }) => leased)
  }

  #decide(
    leased: Leased,
    job: StoredJob | UndecodableJob | null,
    living: ReadonlyMap<string, number>,
  ): Decision {
    const now = this.#parts.now()
    if (job === null) return this.#missing(leased)
    if (job.state === 'undecodable') return this.#bury(job, leased.type, now)
    // the last case: an id that was used again, by a job of another type
    if (job.state === 'gone' || isFinal(job.state) || job.type !== leased.type) return ACK
    if (job.state === 'pending') return this.#claim(job, leased, now)
    const until = living.get(job.worker ?? '')
    return until === undefined ? this.#takeOver(job, leased, now) : later(until, now)
  }

  #claim(job: JobRow, leased: Leased, now: number): Decision {
    if (job.delivery === 'at-most-once') this.#parts.onceTypes.add(job.type)
    if (isExpired(job, now)) return write(finished(job, 'failed', now, { reason: 'expired' }))
    if (job.notBefore !== undefined && job.notBefore > now) return later(job.notBefore, now)
    return write(claimed(job, this.#claimer(leased, now)))
  }

  #claimer({ receipt }: Leased, now: number): Claimer {
    return { worker: this.#worker, token: this.#token, receipt, now }
  }

  /** From a dead worker: its crash is counted in the same write. */
  #takeOver(job: JobRow, leased: Leased, now: number): Decision {
    const back = crashed(job, now)
    return back.state === 'pending' ? this.#claim({ ...back, rev: job.rev }, leased, now) : write(back)
  }

  #missing({ id, deliveries }: Leased): Decision {
    const { missed } = this.#parts
    const again = deliveries === undefined ? missed.has(id) : deliveries > 1
    if (again) missed.delete(id)
    else if (deliveries === undefined) missed.add(id)
    return again ? ACK : { kind: 'nack', delayMs: MISSING_DELAY_MS }
  }

  #bury(job: UndecodableJob, type: string, now: number): Decision {
    this.#parts.logger.error('a stored job cannot be read; it is a dead letter', { job: job.id, type })
    return job.rev === undefined ? ACK : write(undecodableRow(job, type, now))
  }

  #giveBack(leases: readonly Leased[], delayMs: number): void {
    for (const leased of leases) this.#nacks.push({ ...leased, delayMs })
  }

  async #orGiveBack<T>(leases: readonly Leased[], read: () => Promise<T>): Promise<T> {
    try {
      return await read()
    } catch (error) {
      this.#giveBack(leases, OUTAGE_DELAY_MS)
      throw error
    }
  }
}

function write(row: StoredJob): Decision {
  return { kind: 'write', row }
}

function later(instant: number, now: number): Decision {
  return { kind: 'nack', delayMs: Math.max(1, Math.ceil(instant - now)) }
}
