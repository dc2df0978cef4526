/** A job store beside the reference model: every operation is done to both, and what they answer and keep is compared. */
import type { JobChange, JobError, JobRecord, JobStore, Outcome } from '@sched/core/adapter'
import { type Context, LONG } from '../../case.ts'
import { ModelJobStore } from '../../model/job-store.ts'
import { Space } from '../../model/server.ts'
import type { OutcomeOf } from '../job-store/crew.ts'

const BOOM: JobError = { name: 'Error', message: 'boom' }
const ROUNDS = 60
const IDS = ['a', 'b', 'c', 'd'] as const

export type JobOp =
  | {
      readonly op: 'insert'
      readonly id: string
      readonly priority: number
      readonly far: boolean
      readonly maxRetries: number
    }
  | { readonly op: 'claim' | 'crash' }
  | {
      readonly op: 'settle' | 'again'
      readonly nth: number
      readonly kind: Outcome['kind']
      readonly far: boolean
    }
  | { readonly op: 'change'; readonly id: string; readonly kind: JobChange['kind']; readonly far: boolean }
  | { readonly op: 'pause'; readonly paused: boolean }

interface Claim {
  readonly id: string
  readonly token: string
  readonly modelToken: string
}

export class SideBySide {
  readonly #context: Context
  readonly #store: JobStore
  readonly #space = new Space({ pace: 'still' })
  readonly #model: ModelJobStore = new ModelJobStore({ space: this.#space })
  readonly #run: number
  readonly #held: Claim[] = []
  readonly #settled: Claim[] = []
  #mortals = 0
  #paused = false

  private constructor(context: Context, run: number) {
    this.#context = context
    this.#store = context.jobStore
    this.#run = run
  }

  static async begin(context: Context, run: number): Promise<SideBySide> {
    const both = new SideBySide(context, run)
    await both.#join(both.#worker, LONG)
    return both
  }

  async step(op: JobOp): Promise<void> {
    await this.#space.clock.advance(1)
    switch (op.op) {
      case 'insert':
        await this.#insert(op)
        break
      case 'claim':
        this.#held.push(...(await this.#claimAll(this.#worker)))
        break
      case 'settle': {
        const [claim] = this.#held.splice(op.nth % Math.max(1, this.#held.length), 1)
        if (claim === undefined) break
        this.#settled.push(claim)
        await this.#settle(claim, outcomeOf(op.kind, op.far), `${op.kind} of ${this.#short(claim.id)}`)
        break
      }
      case 'again': {
        const claim = this.#settled[op.nth % Math.max(1, this.#settled.length)]
        if (claim === undefined) break
        await this.#settle(
          claim,
          outcomeOf(op.kind, op.far),
          `${op.kind} of ${this.#short(claim.id)} under a token settled before`,
        )
        break
      }
      case 'change':
        await this.#change(op)
        break
      case 'pause':
        this.#paused = op.paused
        await this.#model.pause(this.#type, op.paused)
        await this.#store.pause(this.#type, op.paused)
        break
      default:
        await this.#crash()
    }
    await this.#compare(op.op)
  }

  get #worker(): string {
    return `worker-${this.#run}`
  }

  get #type(): string {
    return `type-${this.#run}`
  }

  #id(id: string): string {
    return `${id}-${this.#run}`
  }

  #short(id: string): string {
    return id.slice(0, id.lastIndexOf('-'))
  }

  async #join(worker: string, leaseMs: number): Promise<void> {
    await this.#model.heartbeat({ id: worker, leaseMs, phase: 'join' }, [])
    await this.#store.heartbeat({ id: worker, leaseMs, phase: 'join' }, [])
  }

  async #insert(op: JobOp & { op: 'insert' }): Promise<void> {
    const job = {
      id: this.#id(op.id),
      type: this.#type,
      payload: { of: op.id },
      priority: op.priority,
      maxRetries: op.maxRetries,
      maxCrashes: 2,
      ...(op.far && { delayMs: LONG }),
    }
    this.#context.check.equal(
      await this.#store.insert([job]),
      await this.#model.insert([job]),
      `insert of ${op.id}`,
    )
  }

  /** All that can be claimed, whatever the order: composed and fused stores differ in it where leases ended or jobs came back. */
  async #claimAll(worker: string): Promise<readonly Claim[]> {
    const want = { worker, limit: 50, types: [{ type: this.#type }] }
    const wanted = (await this.#model.settle([], want)).jobs
    const jobs = [...(await this.#store.settle([], want)).jobs]
    for (let round = 0; round < ROUNDS && jobs.length < wanted.length; round++) {
      await this.#tick()
      jobs.push(...(await this.#store.settle([], want)).jobs)
    }
    const brief = (job: { id: string; attempt: number; failures: number; crashes: number }): string =>
      `${this.#short(job.id)}: attempt ${job.attempt}, ${job.failures} failures, ${job.crashes} crashes`
    this.#context.check.sameMembers(jobs.map(brief), wanted.map(brief), 'what a claim of all gives')
    return wanted.map(({ id, token: modelToken }) => ({
      id,
      modelToken,
      token: jobs.find((job) => job.id === id)?.token ?? '',
    }))
  }

  async #settle(claim: Claim, outcome: OutcomeOf, what: string): Promise<void> {
    const answer = await this.#store.settle([{ ...outcome, id: claim.id, token: claim.token } as Outcome])
    const wanted = await this.#model.settle([
      { ...outcome, id: claim.id, token: claim.modelToken } as Outcome,
    ])
    this.#context.check.equal(answer.settled, wanted.settled, `the answer to ${what}`)
  }

  async #change(op: JobOp & { op: 'change' }): Promise<void> {
    const change: JobChange =
      op.kind === 'reschedule' ? { kind: op.kind, delayMs: op.far ? LONG : 0 } : { kind: op.kind }
    const ids = [this.#id(op.id)]
    this.#context.check.equal(
      await this.#store.change(ids, change),
      await this.#model.change(ids, change),
      `${op.kind} of ${op.id}`,
    )
  }

  /** A worker with a short lease claims all and dies. */
  async #crash(): Promise<void> {
    if (this.#paused) return
    const { ttl } = this.#context
    const worker = `mortal-${this.#run}-${this.#mortals++}`
    await this.#join(worker, ttl)
    const lost = await this.#claimAll(worker)
    await this.#context.expire(ttl)
    await this.#space.clock.advance(ttl + 1)
    await this.#model.sweep({ graceMs: 0 })
    const ids = lost.map((claim) => claim.id)
    for (let round = 0; round < ROUNDS; round++) {
      const report = await this.#store.sweep({ graceMs: 0 })
      const records = await this.#store.get(ids)
      if (!report.more && records.every((record) => record?.worker !== worker)) break
      if (!report.more) await this.#tick()
    }
    this.#settled.push(...lost)
  }

  /** A little time for the store only: the model needs none. */
  async #tick(): Promise<void> {
    await this.#context.pass(Math.max(20, this.#context.timing.resolutionMs))
  }

  async #compare(after: string): Promise<void> {
    const ids = IDS.map((id) => this.#id(id))
    const records = (await this.#store.get(ids)).map((record) => brief(record))
    const wanted = (await this.#model.get(ids)).map((record) => brief(record))
    this.#context.check.equal(records, wanted, `the records after ${after}`)
    const counts = (await this.#store.counts()).types[this.#type]
    const expected = (await this.#model.counts()).types[this.#type]
    if (expected !== undefined)
      this.#context.check.equal(counts ?? null, expected, `the counts after ${after}`)
  }
}

function outcomeOf(kind: Outcome['kind'], far: boolean): OutcomeOf {
  const delayMs = far ? LONG : 0
  switch (kind) {
    case 'complete':
      return { kind, durationMs: 5 }
    case 'retry':
      return { kind, delayMs, error: BOOM }
    case 'fail':
      return { kind, error: BOOM, reason: 'error' }
    case 'snooze':
      return { kind, delayMs }
    default:
      return { kind }
  }
}

/** What a reader of a record goes by. */
function brief(record: JobRecord | null): object | null {
  if (record === null) return null
  const { id, state, priority, attempt, failures, crashes, cancelRequested, reason, payload } = record
  const ended = record.finishedAt !== null
  return {
    id,
    state,
    priority,
    attempt,
    failures,
    crashes,
    reason,
    payload,
    ended,
    cancelRequested: state === 'running' && cancelRequested,
  }
}
