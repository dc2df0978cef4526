import { JobStalledError, JobTimeoutError } from '../errors/sched-error.ts'
import type { Clock } from '../values/clock.ts'
import type { Attempt } from './attempt.ts'
import { attemptOptions } from './registry.ts'

/** An attempt ran into one of its limits. */
export type GiveUp = (attempt: Attempt, kind: 'timeout' | 'stalled', error: Error) => void

export function hasLimits({ job, definition }: Attempt): boolean {
  return job.options !== null || definition.timeoutMs !== undefined || definition.stallTimeoutMs !== undefined
}

/** Arms the `timeout` and the `stallTimeout` of an attempt that starts: the job's own, else its definition's. */
export function armLimits(attempt: Attempt, clock: Clock, giveUp: GiveUp): void {
  const { job, definition } = attempt
  const own = attemptOptions(job.options)
  const timeoutMs = own.timeout ?? definition.timeoutMs
  const stallMs = own.stallTimeout ?? definition.stallTimeoutMs
  if (timeoutMs !== undefined) {
    attempt.timeout = clock.after(timeoutMs, () =>
      giveUp(attempt, 'timeout', new JobTimeoutError(job.id, timeoutMs)),
    )
  }
  if (stallMs === undefined) return
  attempt.lastSign = clock.monotonic()
  const watch = (leftMs: number): void => {
    attempt.stall = clock.after(leftMs, () => {
      const left = attempt.lastSign + stallMs - clock.monotonic()
      if (left > 0) watch(Math.ceil(left))
      else giveUp(attempt, 'stalled', new JobStalledError(job.id, stallMs))
    })
  }
  watch(stallMs)
}
