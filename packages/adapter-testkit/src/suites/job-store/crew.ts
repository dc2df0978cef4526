/**
 * Workers and jobs for the job-store cases. A store may need several sweeps and a moment of its clock to bring something about (a
 * broker's lease under it has to end, a page of workers is looked at a round); what must come, comes within the rounds given here.
 */
import type {
  ClaimedJob,
  ClaimType,
  HeartbeatReply,
  JobError,
  JobRecord,
  JobStore,
  NewJob,
  Outcome,
  SweepReport,
} from '@sched/core/adapter'
import { type Context, LONG, type Node } from '../../case.ts'

/** Rounds of waiting for what must come, each a step of the store's clock. */
const ROUNDS = 60

export const BOOM: JobError = { name: 'Error', message: 'boom' }
export const TYPE = 'mail'

export interface ClaimHow {
  readonly limit?: number
  readonly types?: readonly (string | ClaimType)[]
  readonly node?: Node
}

export interface SweepTotal {
  readonly dead: string[]
  recovered: number
  crashed: number
  expired: number
  pruned: number
}

export class Crew {
  readonly #context: Context
  /** What all sweeps of this case reported. */
  readonly swept: SweepTotal = { dead: [], recovered: 0, crashed: 0, expired: 0, pruned: 0 }

  constructor(context: Context) {
    this.#context = context
  }

  get store(): JobStore {
    return this.#context.jobStore
  }

  /** How long a claim stays unknown before a heartbeat may release it, in the cases that wait for it. */
  get graceMs(): number {
    return this.#context.ttl
  }

  job(id: string, more: Partial<NewJob> = {}): NewJob {
    return { id, type: TYPE, payload: { of: id }, priority: 0, ...more }
  }

  /** Inserts jobs of which none is known, in one call. */
  async insert(...jobs: readonly (NewJob | string)[]): Promise<void> {
    const full = jobs.map((job) => (typeof job === 'string' ? this.job(job) : job))
    const answers = await this.store.insert(full)
    this.#context.check.equal(
      answers.map((answer) => (answer instanceof Error ? `${answer.name}: ${answer.message}` : answer)),
      full.map(() => 'inserted'),
      `insert of ${full.map((job) => job.id).join(', ')}`,
    )
  }

  async join(worker: string, leaseMs: number = LONG, node: Node = this.#context.node): Promise<void> {
    const reply = await node.jobStore.heartbeat({ id: worker, leaseMs, phase: 'join' }, [])
    this.#context.check.equal(reply.alive, true, `alive in the answer to the first heartbeat of ${worker}`)
  }

  async beat(worker: string, held: readonly ClaimedJob[], leaseMs: number = LONG): Promise<HeartbeatReply> {
    return await this.store.heartbeat(
      { id: worker, leaseMs, phase: 'active' },
      held.map(({ id, token }) => ({ id, token })),
    )
  }

  async claim(worker: string, how: ClaimHow = {}): Promise<readonly ClaimedJob[]> {
    const { jobStore } = how.node ?? this.#context.node
    return (await jobStore.settle([], want(worker, how))).jobs
  }

  /** Claims until all of `ids` came, and gives them in that order; fails when they do not come, or others do. */
  async claimAll(worker: string, ids: readonly string[], how: ClaimHow = {}): Promise<readonly ClaimedJob[]> {
    const jobs: ClaimedJob[] = []
    for (let round = 0; round < ROUNDS && jobs.length < ids.length; round++) {
      const come = await this.claim(worker, { limit: ids.length - jobs.length, ...how })
      jobs.push(...come)
      if (come.length === 0) await this.tick()
    }
    this.#context.check.sameMembers(
      jobs.map((job) => job.id),
      ids,
      `the jobs that ${worker} could claim`,
    )
    return jobs.toSorted((a, b) => ids.indexOf(a.id) - ids.indexOf(b.id))
  }

  async claimOne(worker: string, id: string, how: ClaimHow = {}): Promise<ClaimedJob> {
    const [job] = await this.claimAll(worker, [id], how)
    return job as ClaimedJob
  }

  /** Nothing may be claimable now. */
  async nothingFor(worker: string, why: string, how: ClaimHow = {}): Promise<void> {
    const jobs = await this.claim(worker, { limit: 10, ...how })
    this.#context.check.equal(
      jobs.map((job) => job.id),
      [],
      `what ${worker} claims ${why}`,
    )
  }

  /** Settles one held job, which must be accepted. */
  async settle(job: ClaimedJob, outcome: OutcomeOf): Promise<void> {
    this.#context.check.equal(
      await this.answerTo(job, outcome),
      'ok',
      `the answer to ${outcome.kind} of ${job.id} by its worker`,
    )
  }

  async answerTo(
    job: { readonly id: string; readonly token: string },
    outcome: OutcomeOf,
  ): Promise<string | undefined> {
    const { settled } = await this.store.settle([{ ...outcome, id: job.id, token: job.token } as Outcome])
    return settled[0]
  }

  async record(id: string): Promise<JobRecord> {
    const [record] = await this.store.get([id])
    this.#context.check.ok(record, `the record of ${id} is there`, record)
    return record as JobRecord
  }

  /** Waits until the store's record of `id` is as `wanted`, sweeping meanwhile. */
  async until(id: string, wanted: Partial<JobRecord>, what: string): Promise<JobRecord> {
    const seen = async (): Promise<boolean> => {
      const [record] = await this.store.get([id])
      return record != null && keysOf(wanted).every((key) => record[key] === wanted[key])
    }
    for (let round = 0; round < ROUNDS && !(await seen()); round++) await this.sweep()
    const record = await this.record(id)
    const shown = Object.fromEntries(keysOf(wanted).map((key) => [key, record[key]]))
    this.#context.check.equal(shown, wanted, `${id} ${what}`)
    return record
  }

  /** Rounds until the store says that there is no more to do, then one step of its clock. */
  async sweep(): Promise<void> {
    for (let round = 0; round < ROUNDS; round++) {
      const report = await this.store.sweep({ graceMs: 0 })
      this.count(report)
      if (!report.more) break
    }
    await this.tick()
  }

  count(report: SweepReport): void {
    this.swept.dead.push(...report.dead)
    for (const key of ['recovered', 'crashed', 'expired', 'pruned'] as const) this.swept[key] += report[key]
  }

  /** A worker joins with a short lease, claims `ids`, and dies: when this is done its jobs were taken back. */
  async crash(worker: string, ids: readonly string[], how: ClaimHow = {}): Promise<readonly ClaimedJob[]> {
    const context = this.#context
    const jobs = await context.fits(async ({ ttl, name, live }) => {
      const self = name(worker)
      await this.join(self, ttl)
      const claimed = await this.claim(self, { limit: ids.length, ...how })
      await this.stillLive(self, live)
      context.check.sameMembers(
        claimed.map((job) => job.id),
        ids,
        `the jobs that ${self} claims`,
      )
      await context.expire(ttl)
      return claimed
    })
    for (let round = 0; round < ROUNDS; round++) {
      await this.sweep()
      const records = await this.store.get(ids)
      if (!records.some((record, i) => record?.state === 'running' && record.fence === jobs[i]?.fence))
        return jobs
    }
    return context.check.fail(
      `the jobs of ${worker}, whose lease ended`,
      'taken back by the sweeps',
      'still running',
    )
  }

  /** Calls `live` of a `fits`: when the machine was too slow, the worker gives everything back first, so that the next round can begin. */
  async stillLive(worker: string, live: () => void): Promise<void> {
    try {
      live()
    } catch (tooSlow) {
      await this.store.heartbeat({ id: worker, leaseMs: LONG, phase: 'leave' }, [])
      throw tooSlow
    }
  }

  /** A little time for the store. */
  async tick(): Promise<void> {
    await this.#context.pass(Math.max(this.#context.timing.resolutionMs, 20))
  }
}

export type OutcomeOf = Outcome extends infer O
  ? O extends Outcome
    ? Omit<O, 'id' | 'token'>
    : never
  : never

function want(
  worker: string,
  { limit = 1, types = [TYPE] }: ClaimHow,
): { worker: string; limit: number; types: readonly ClaimType[] } {
  return { worker, limit, types: types.map((type) => (typeof type === 'string' ? { type } : type)) }
}

function keysOf<T extends object>(object: T): (keyof T)[] {
  return Object.keys(object) as (keyof T)[]
}
