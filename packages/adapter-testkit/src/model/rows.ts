/** What the model keeps: the rows of its tables. */
import type { ScheduleRecord } from '@sched/core/adapter'

export interface Row {
  readonly namespace: string
  readonly id: string
  readonly value: unknown
}

/** The row outlives its lease, so that the token of a key never starts again. */
export interface LockRow {
  owner: string | null
  until: number
  token: number
}

export interface ScheduleTable {
  readonly schedules: Map<string, ScheduleRecord>
  readonly last: Map<string, number>
  written: boolean
}
