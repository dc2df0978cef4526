import { OPERATION_DEADLINE_MS } from '../../contracts/job-store.ts'
import { UnavailableError } from '../../errors/sched-error.ts'
import type { Clock } from '../../values/clock.ts'

/** A broker that answers is waited for at least so long. */
const LEAST_MS = 1_000
/** What an answer in time takes off what is granted beyond that. */
const DECAY = 0.9

export interface Wait<T> {
  /** For the message: `publish`. */
  readonly what: string
  /** Waits no longer than this, milliseconds. */
  readonly mostMs?: number
  /** Gets an answer that came too late. */
  readonly onLate?: (answer: T) => void
}

/**
 * How long the store waits for a broker, whose answer no promise depends on: an adapter may take its whole deadline to find out that a
 * server is gone, and a worker that waits for that renews no lease and settles nothing. So a second must do, or twice of what a slow
 * server took lately. What is given up goes on by itself.
 */
export class Patience {
  readonly #clock: Clock
  #ms: number = LEAST_MS

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Passes `call` on. Rejects UNAVAILABLE, `ambiguous`, when it takes too long. */
  wait<T>(call: () => Promise<T>, { what, mostMs = Number.POSITIVE_INFINITY, onLate }: Wait<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const sentAt = this.#clock.monotonic()
      const ms = Math.min(this.#ms, mostMs)
      let answered = false
      let late = false
      const giveUp = (): void => {
        if (answered) return
        late = true
        reject(
          new UnavailableError(
            `broker ${what}: no answer within ${Math.round(ms)} ms, so it is done without`,
            {
              ambiguous: true,
            },
          ),
        )
      }
      // a process that was busy for so long looks first whether the answer is there
      const timer = this.#clock.after(ms, () => setImmediate(giveUp))
      call().then(
        (answer) => {
          answered = true
          timer.cancel()
          const tookMs = this.#clock.monotonic() - sentAt
          if (late) this.#ms = Math.min(Math.max(this.#ms, tookMs * 2), OPERATION_DEADLINE_MS)
          else this.#ms = Math.max(this.#ms * DECAY, LEAST_MS)
          if (late) onLate?.(answer)
          else resolve(answer)
        },
        (error: unknown) => {
          answered = true
          timer.cancel()
          reject(error)
        },
      )
    })
  }
}

/** The methods of a broker or a lock that only tell it something, or ask what can be done without. */
const HURRIED = [
  ...['publish', 'publishMany', 'ack', 'ackMany', 'nack', 'nackMany', 'extendLock', 'extendMany', 'remove'],
  ...['has', 'size', 'isPaused', 'nextDueIn', 'incarnation', 'acquire', 'renew', 'release'],
]

/** The adapter, of which nobody waits too long for an answer. What it lacks the result lacks, too. */
export function hurried<T extends object>(adapter: T, patience: Patience): T {
  const methods = new Map<string | symbol, unknown>()
  for (const what of HURRIED) {
    const method: unknown = Reflect.get(adapter, what)
    if (typeof method !== 'function') continue
    methods.set(what, (...args: unknown[]) => patience.wait(() => method.apply(adapter, args), { what }))
  }
  return new Proxy(adapter, {
    get(target, key) {
      const known = methods.get(key)
      if (known) return known
      const value: unknown = Reflect.get(target, key, target)
      if (typeof value !== 'function') return value
      const bound: unknown = value.bind(target)
      methods.set(key, bound)
      return bound
    },
  })
}
