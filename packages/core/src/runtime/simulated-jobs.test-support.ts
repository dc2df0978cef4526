import type { JobRecord } from '../contracts/job-record.ts'
import type { ClaimedJob, JobStore, NewJob } from '../contracts/job-store.ts'

interface SimulatedJob {
  readonly job: NewJob
  readonly createdAt: number
  state: 'pending' | 'running' | 'completed' | 'failed' | 'cancelled' | 'pruned'
  reason: string | null
  /** Grows at every claim and every end of a lease: only its holder may finish. */
  token: number
  attempt: number
}

type Jobs = Pick<JobStore, 'insert' | 'get' | 'change'>

/** Jobs without a queue: who wants one due takes it. */
export class SimulatedJobs {
  readonly all: Map<string, SimulatedJob> = new Map()
  readonly #now: () => number
  #created = 0

  constructor(now: () => number) {
    this.#now = now
  }

  /** The port as one caller sees it, each call after `turn`. */
  port(turn: () => Promise<void>): Jobs {
    return {
      insert: async (jobs) => {
        await turn()
        return jobs.map((job) => this.#insert(job))
      },
      get: async (ids) => {
        await turn()
        return ids.map((id) => this.#record(id))
      },
      change: async (ids) => {
        await turn()
        return ids.map((id) =>
          this.all.get(id)?.state === 'pending' && this.end(id, 'cancelled') ? 'ok' : 'refused',
        )
      },
    }
  }

  due(): string[] {
    return [...this.all]
      .filter(([, one]) => one.state === 'pending' && this.#dueAt(one) <= this.#now())
      .map(([id]) => id)
  }

  ids(...states: readonly SimulatedJob['state'][]): string[] {
    return [...this.all].filter(([, one]) => states.includes(one.state)).map(([id]) => id)
  }

  claim(id: string): ClaimedJob {
    const one = this.all.get(id)!
    one.state = 'running'
    one.token++
    one.attempt++
    return {
      id,
      type: one.job.type,
      payload: one.job.payload,
      attempt: one.attempt,
      failures: 0,
      crashes: 0,
      fence: one.token,
      token: String(one.token),
      priority: one.job.priority,
      dueAt: this.#dueAt(one),
      createdAt: one.createdAt,
      expiresAt: null,
      maxRetries: 0,
      delivery: 'at-least-once',
      entityId: null,
      occurrence: one.job.occurrence ?? null,
      options: null,
    }
  }

  holds(claimed: ClaimedJob): boolean {
    const one = this.all.get(claimed.id)
    return (
      one?.createdAt === claimed.createdAt && one.state === 'running' && String(one.token) === claimed.token
    )
  }

  /** The lease is gone: the job waits again, and what its holder still does with its token is refused. */
  endLease(id: string): void {
    const one = this.all.get(id)!
    one.state = 'pending'
    one.token++
  }

  end(id: string, state: 'completed' | 'failed' | 'cancelled', reason: string | null = null): boolean {
    Object.assign(this.all.get(id)!, { state, reason })
    return true
  }

  /** The record is gone, the id is known. */
  prune(id: string): void {
    this.all.get(id)!.state = 'pruned'
  }

  forget(id: string): void {
    this.all.delete(id)
  }

  #insert(job: NewJob): 'inserted' | 'exists' {
    if (this.all.has(job.id)) return 'exists'
    // one more at every insert, so that a job revived under a forgotten id differs from the one before
    const createdAt = this.#now() + ++this.#created / 1_000
    this.all.set(job.id, { job, createdAt, state: 'pending', reason: null, token: 0, attempt: 0 })
    return 'inserted'
  }

  #dueAt(one: SimulatedJob): number {
    return one.job.runAt ?? one.createdAt
  }

  #record(id: string): JobRecord | null {
    const one = this.all.get(id)
    return one && one.state !== 'pruned' ? ({ id, state: one.state, reason: one.reason } as JobRecord) : null
  }
}
