/** What the text of a job agrees on, whoever writes or reads it; lua/jobs/layout.lua describes it. */
import { type JobOptions, PRIORITY_MAX } from '@sched/core/adapter'

/** Higher priorities get lower characters: `0` for 20, `X` for -20. */
const FIRST_PRIORITY = 48

export function priorityText(priority: number): string {
  return String.fromCharCode(FIRST_PRIORITY + PRIORITY_MAX - priority)
}

export function readPriority(text: string): number {
  return FIRST_PRIORITY + PRIORITY_MAX - text.charCodeAt(0)
}

/** What only readers and the runtime look into. */
export interface Extras {
  readonly entity?: string
  readonly occurrence?: readonly [schedule: string, due: number]
  readonly options?: JobOptions
}
