import { DEFAULT_RETENTION, equalValues, type Keep, type NewJob, REMEMBER_MS } from '@sched/core/adapter'
import { ReadyQueue } from '../ready-queue.ts'
import { History } from './history.ts'
import { COMPLETED, DEFAULT_TERMS, FAILED, type FinalCode, type Terms } from './job-table.ts'

/** Everything a scope keeps for one job type. Made by its first job or its first pause; stays, since its counters do. */
export class TypeLane {
  readonly type: string
  readonly ready: ReadyQueue = new ReadyQueue()
  pending = 0
  running = 0
  /** Ever finished, by final state; pruning does not lower them. */
  readonly finished: [completed: number, failed: number, cancelled: number] = [0, 0, 0]
  /** The sum of the completed jobs' durations. */
  durationMs = 0
  paused = false
  /** A claim left jobs behind because of `maxActive`: the next freed slot is worth a wake. */
  saturated = false
  readonly #histories: [History, History, History] = [new History(), new History(), new History()]
  #terms: Terms = DEFAULT_TERMS

  constructor(type: string) {
    this.type = type
  }

  history(state: FinalCode): History {
    return this.#histories[state - COMPLETED]!
  }

  get histories(): readonly History[] {
    return this.#histories
  }

  /** The terms of a new job: the object its predecessors share as long as they say the same. */
  termsOf(job: NewJob): Terms {
    const last = this.#terms
    const maxRetries = job.maxRetries ?? DEFAULT_TERMS.maxRetries
    const maxCrashes = job.maxCrashes ?? DEFAULT_TERMS.maxCrashes
    const delivery = job.delivery ?? DEFAULT_TERMS.delivery
    const rememberMs = job.rememberMs ?? REMEMBER_MS.made
    const { retention } = job
    if (
      last.maxRetries !== maxRetries ||
      last.maxCrashes !== maxCrashes ||
      last.delivery !== delivery ||
      last.rememberMs !== rememberMs ||
      (last.retention !== retention && !equalValues(last.retention, retention))
    ) {
      this.#terms = { maxRetries, maxCrashes, delivery, rememberMs, retention: structuredClone(retention) }
    }
    return this.#terms
  }
}

/** How long a job that ended so is kept. */
export function keepOf(terms: Terms, state: FinalCode): Keep {
  const { retention } = terms
  if (state === COMPLETED) return retention?.completed ?? DEFAULT_RETENTION.completed
  if (state === FAILED) return retention?.failed ?? DEFAULT_RETENTION.failed
  return retention?.cancelled ?? DEFAULT_RETENTION.cancelled
}
