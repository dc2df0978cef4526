import type { JobCounts, TypeCounts } from '../contracts/job-store.ts'

/** How many jobs are in each state. Finished ones are counted for good: pruning does not lower them. */
export interface StateMetrics {
  readonly running: number
  /** Waiting, delayed and to be retried. */
  readonly pending: number
  readonly completed: number
  readonly failed: number
  readonly cancelled: number
  /** Mean duration of the completed ones, in milliseconds; 0 when there are none. */
  readonly averageDuration: number
}

export interface TypeMetrics extends StateMetrics {
  readonly paused: boolean
}

export interface Metrics extends StateMetrics {
  readonly types: Readonly<Record<string, TypeMetrics>>
}

type Sums = { -readonly [K in keyof Omit<TypeCounts, 'paused'>]: number }

/** What the store counted, as `getMetrics` shows it. */
export function toMetrics(counts: JobCounts): Metrics {
  const total: Sums = { running: 0, pending: 0, completed: 0, failed: 0, cancelled: 0, durationMs: 0 }
  const types: [string, TypeMetrics][] = []
  for (const [type, one] of Object.entries(counts.types)) {
    for (const key of Object.keys(total) as (keyof Sums)[]) total[key] += one[key]
    types.push([type, { ...toStates(one), paused: one.paused }])
  }
  return { ...toStates(total), types: Object.fromEntries(types) }
}

function toStates(sums: Sums): StateMetrics {
  const { running, pending, completed, failed, cancelled, durationMs } = sums
  return {
    running,
    pending,
    completed,
    failed,
    cancelled,
    averageDuration: completed > 0 ? durationMs / completed : 0,
  }
}
