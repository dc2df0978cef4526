import type { Clock } from '../values/clock.ts'

/** How long a stop waits for a store that does not answer: at each of the things it still wants of it. Milliseconds. */
export const LAST_CALLS_MS = 5_000

/** Resolves when `work` has settled or after `ms`, whichever is sooner: whether it settled. A failure is told by whoever made the work. */
export function within(clock: Clock, ms: number, work: Promise<unknown>): Promise<boolean> {
  return new Promise((resolve) => {
    const timer = clock.after(ms, () => resolve(false))
    const over = (): void => {
      timer.cancel()
      resolve(true)
    }
    work.then(over, over)
  })
}
