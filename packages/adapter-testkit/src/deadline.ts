import { setTimeout as sleep } from 'node:timers/promises'

/** What `promise` settles to, or `late` after `ms` real milliseconds. */
export async function orLate<T, L>(promise: Promise<T>, ms: number, late: L): Promise<T | L> {
  const timer = new AbortController()
  const deadline = sleep(ms, late, { signal: timer.signal })
  // the timer's own abort, once the promise has won
  deadline.catch(() => late)
  try {
    return await Promise.race([promise, deadline])
  } finally {
    timer.abort()
  }
}
