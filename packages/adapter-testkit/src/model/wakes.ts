import type { Clock, Timer } from '@sched/core/adapter'
import type { JobTable } from './job-table.ts'

/** Calls `onWake` at every change of one of `types`, and whenever a pending job of it comes due. Returns the way to stop. */
export function watchTypes(
  table: JobTable,
  clock: Clock,
  types: readonly string[],
  onWake: (type: string) => void,
): () => void {
  const timers = new Map<string, Timer>()
  let stopped = false
  const arm = (type: string): void => {
    timers.get(type)?.cancel()
    if (stopped) return
    let soonest = Number.POSITIVE_INFINITY
    for (const job of table.pending) {
      if (job.type === type && job.runAt > clock.now()) soonest = Math.min(soonest, job.runAt)
    }
    if (soonest < Number.POSITIVE_INFINITY)
      timers.set(
        type,
        clock.after(soonest - clock.now(), () => wake(type)),
      )
  }
  const wake = (type: string): void => {
    if (!types.includes(type)) return
    onWake(type)
    arm(type)
  }
  table.wakes.add(wake)
  for (const type of types) arm(type)
  return () => {
    stopped = true
    table.wakes.delete(wake)
    for (const timer of timers.values()) timer.cancel()
  }
}
