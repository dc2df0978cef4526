// For tests of the runtime alone: a job store that does what the test says, and writes down what it was asked.
import type {
  ClaimedJob,
  ClaimRequest,
  HeartbeatReply,
  JobStore,
  NewJob,
  Outcome,
  Settled,
} from '../contracts/job-store.ts'

export interface Call {
  readonly outcomes: readonly Outcome[]
  readonly want: ClaimRequest | undefined
}

/** Only what the runtime calls; what a test does not script answers as an empty, healthy store. */
export class ScriptedJobStore {
  readonly inserts: (readonly NewJob[])[] = []
  readonly calls: Call[] = []
  readonly heartbeats: { phase: string; held: readonly string[] }[] = []
  sweeps = 0
  settlesAtOnce: number = 1
  insertsAtOnce: number = 1
  insert: (jobs: readonly NewJob[]) => Promise<readonly ('inserted' | 'exists' | Error)[]> = async (jobs) =>
    jobs.map(() => 'inserted' as const)
  settle: (call: Call) => Promise<Partial<Settled>> = async () => ({})
  heartbeat: (held: readonly string[]) => Promise<Partial<HeartbeatReply>> = async () => ({})
  sweep: () => Promise<{ more: boolean }> = async () => ({ more: false })

  get asStore(): JobStore {
    const scripted: Pick<
      JobStore,
      'insert' | 'settle' | 'heartbeat' | 'sweep' | 'subscribe' | 'settlesAtOnce' | 'insertsAtOnce'
    > = {
      settlesAtOnce: this.settlesAtOnce,
      insertsAtOnce: this.insertsAtOnce,
      insert: (jobs) => {
        this.inserts.push(jobs)
        return this.insert(jobs)
      },
      settle: async (outcomes, want) => {
        const call = { outcomes, want }
        this.calls.push(call)
        const answer = await this.settle(call)
        return { settled: outcomes.map(() => 'ok' as const), jobs: [], nextDueInMs: null, ...answer }
      },
      heartbeat: async (worker, held) => {
        const ids = held.map(({ id }) => id)
        this.heartbeats.push({ phase: worker.phase ?? 'active', held: ids })
        return { alive: true, lost: [], cancelRequested: [], ...(await this.heartbeat(ids)) }
      },
      sweep: async () => {
        this.sweeps++
        const answer = await this.sweep()
        return { dead: [], recovered: 0, crashed: 0, expired: 0, pruned: 0, ...answer }
      },
      subscribe: async () => async () => {},
    }
    return scripted as JobStore
  }
}

export function claimedJob(id: string, over: Partial<ClaimedJob> = {}): ClaimedJob {
  return {
    id,
    type: 'job',
    payload: null,
    attempt: 1,
    failures: 0,
    crashes: 0,
    fence: 1,
    token: `token-${id}`,
    priority: 1,
    dueAt: 0,
    createdAt: 0,
    expiresAt: null,
    maxRetries: 0,
    delivery: 'at-least-once',
    entityId: null,
    occurrence: null,
    options: null,
    ...over,
  }
}
