import type { Clock } from '../values/clock.ts'
import type { Logger } from './logger.ts'

/** How often a failure that lasts is logged. */
const REPEAT_MS = 60_000

interface Trouble {
  /** Monotonic milliseconds. */
  loggedAt: number
  /** In all, and since the last line. */
  failures: number
  unsaid: number
}

/**
 * Logs what fails in the background: at once, then at most one line a minute with how often it failed, and a line when it works again.
 * `during` says what failed; it comes from a small set.
 */
export class FailureLog {
  readonly #logger: Logger
  readonly #clock: Pick<Clock, 'monotonic'>
  readonly #troubles: Map<string, Trouble> = new Map()

  constructor(logger: Logger, clock: Pick<Clock, 'monotonic'>) {
    this.#logger = logger
    this.#clock = clock
  }

  failed(during: string, error: unknown, metadata?: Readonly<Record<string, unknown>>): void {
    const now = this.#clock.monotonic()
    const trouble = this.#troubles.get(during)
    if (trouble === undefined) {
      this.#troubles.set(during, { loggedAt: now, failures: 1, unsaid: 0 })
      this.#logger.error(`${during} failed`, { ...metadata, error })
      return
    }
    trouble.failures++
    trouble.unsaid++
    if (now - trouble.loggedAt < REPEAT_MS) return
    const { unsaid: failures } = trouble
    this.#logger.error(`${during} goes on failing: ${failures} more times`, { ...metadata, error, failures })
    trouble.loggedAt = now
    trouble.unsaid = 0
  }

  /** Costs nothing while nothing fails. */
  worked(during: string): void {
    if (this.#troubles.size === 0) return
    const trouble = this.#troubles.get(during)
    if (trouble === undefined) return
    this.#troubles.delete(during)
    const { failures } = trouble
    this.#logger.info(`${during} works again`, { failures })
  }
}
