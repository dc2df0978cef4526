import type { ClaimedJob } from '../contracts/job-store.ts'

/** What the executor asks of the schedules when a claimed job is an occurrence of one. */
export interface OccurrenceGate {
  /** Whether the schedule wants it run, and with which payload; otherwise why not. */
  begin(
    job: ClaimedJob,
  ): Promise<
    { readonly run: true; readonly payload: unknown } | { readonly run: false; readonly reason: string }
  >
  /** A run of it ended and the store has its outcome. `completed`: it will not be delivered again. */
  ended(job: ClaimedJob, completed: boolean): Promise<void>
}
