import {
  BACKEND,
  type ClaimedJob,
  type ClaimType,
  type JobStore,
  ManualClock,
  type NewJob,
  type Outcome,
} from '@sched/core/adapter'
import { type MemoryAdapters, MemoryServer, memory } from '../index.ts'

export const LEASE_MS = 10_000

/** A store on a clock that is moved by hand, and short ways to say what tests say all the time. */
export class Crew {
  readonly clock: ManualClock = new ManualClock()
  readonly server: MemoryServer
  readonly node: MemoryAdapters
  readonly store: JobStore

  constructor(options: { maxRememberedIds?: number } = {}) {
    this.server = new MemoryServer({ clock: this.clock, ...options })
    this.node = memory({ server: this.server })
    this.store = this.open()
  }

  /** The same jobs, on a node of its own. */
  open(): JobStore {
    const { storage, broker } = memory({ server: this.server })
    return storage[BACKEND]!.fuse({ scope: 's', storage, broker })!
  }

  async join(...workers: string[]): Promise<void> {
    for (const id of workers) await this.store.heartbeat({ id, leaseMs: LEASE_MS, phase: 'join' }, [])
  }

  /** Jobs of type `t` unless they say otherwise. */
  insert(...jobs: (string | (Partial<NewJob> & { id: string }))[]): ReturnType<JobStore['insert']> {
    return this.store.insert(
      jobs.map((job) => ({
        type: 't',
        payload: null,
        priority: 0,
        ...(typeof job === 'string' ? { id: job } : job),
      })),
    )
  }

  async claim(
    limit = 100,
    types: readonly (string | ClaimType)[] = ['t'],
    worker = 'w',
  ): Promise<readonly ClaimedJob[]> {
    const wanted = types.map((type) => (typeof type === 'string' ? { type } : type))
    return (await this.store.settle([], { worker, limit, types: wanted })).jobs
  }

  async claimIds(
    limit?: number,
    types?: readonly (string | ClaimType)[],
    worker?: string,
  ): Promise<string[]> {
    return (await this.claim(limit, types, worker)).map(({ id }) => id)
  }

  async nextDue(...types: (string | ClaimType)[]): Promise<number | null> {
    const wanted = types.map((type) => (typeof type === 'string' ? { type } : type))
    return (await this.store.settle([], { worker: 'w', limit: 0, types: wanted })).nextDueInMs
  }

  async complete(...jobs: readonly ClaimedJob[]): Promise<readonly ('ok' | 'stale')[]> {
    return (await this.store.settle(jobs.map(({ id, token }): Outcome => ({ id, token, kind: 'complete' }))))
      .settled
  }

  /** Inserts, claims and completes jobs of those ids, one after the other. */
  async run(...jobs: (string | (Partial<NewJob> & { id: string }))[]): Promise<void> {
    for (const job of jobs) {
      await this.insert(job)
      await this.complete(...(await this.claim(1, [(typeof job === 'object' && job.type) || 't'])))
    }
  }

  /** The ids of all jobs that are there. */
  async ids(): Promise<string[]> {
    return (await this.store.list({ limit: 1_000 })).jobs.map(({ id }) => id).sort()
  }
}
