import { ReadyQueue } from '../ready-queue.ts'
import { History } from './history.ts'
import { COMPLETED, type FinalCode } from './job-states.ts'
import { DEFAULT_TERMS, type Terms } from './terms.ts'

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
  /** Those of the job inserted last: most share them. */
  latestTerms: Terms = DEFAULT_TERMS

  constructor(type: string) {
    this.type = type
  }

  history(state: FinalCode): History {
    return this.#histories[state - COMPLETED]!
  }

  get histories(): readonly History[] {
    return this.#histories
  }
}
