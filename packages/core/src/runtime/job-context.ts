import type { LogLevel } from '../telemetry/logger.ts'

/** The handler's second argument: one attempt of one job. Its functions may be taken out of it: `const { log } = ctx`. */
export interface JobContext<Payload = unknown> {
  /** The same at every attempt: the idempotency key. */
  readonly jobId: string
  /** 1 for the first run. Attempts given back (a stop, a snooze) count once. */
  readonly attempt: number
  /** Grows with every claim of this job: a guard for writes elsewhere. */
  readonly fence: number
  /** When the job was due, before the claim: epoch milliseconds. Of a schedule: the due instant it fires for, at every attempt. */
  readonly dueAt: number
  /** As it is stored: the schema's input. */
  readonly payload: Payload
  /**
   * Aborted with the reason when the attempt should end: JOB_TIMEOUT, JOB_STALLED, JOB_CANCELLED, LEASE_LOST or SHUTTING_DOWN.
   * After LEASE_LOST the result is dropped, and another worker may be running the job.
   */
  readonly signal: AbortSignal
  /** True once the scheduler is stopping: a good moment to end early. */
  readonly isShuttingDown: boolean
  /** To the scheduler's logger and the `log` event; at level `info` when there is no such level. Never rejects. */
  log(level: LogLevel, message: string, metadata?: Readonly<Record<string, unknown>>): Promise<void>
  /**
   * A sign of life: restarts the `stallTimeout`, and renews the worker's lease now. Rejects with the reason when the attempt is
   * aborted already, UNAVAILABLE when the store does not answer; who does not await it is not told.
   */
  touch(): Promise<void>
  /** 0 … 100, told by the `progress` event; also a sign of life. Rejects INVALID_ARGUMENT outside. */
  updateProgress(progress: number): Promise<void>
}
