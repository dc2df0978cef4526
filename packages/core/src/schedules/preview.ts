import { InvalidArgumentError } from '../errors/sched-error.ts'
import { nextRun, type Timing } from './next-run.ts'

/** Most instants of one preview. */
const MAX_PREVIEW = 1_000

/**
 * The next `count` instants after `after` (fewer when no more are left), epoch milliseconds. `count`: 0 … 1,000, else
 * INVALID_ARGUMENT.
 */
export function previewRuns(timing: Timing, anchor: number, after: number, count: number): number[] {
  if (!Number.isInteger(count) || count < 0 || count > MAX_PREVIEW)
    throw new InvalidArgumentError(`preview: ${count} is not a whole number from 0 to ${MAX_PREVIEW}`)
  const instants: number[] = []
  for (let last = after; instants.length < count; ) {
    const next = nextRun(timing, anchor, last)
    if (next === null) break
    instants.push(next)
    last = next
  }
  return instants
}
