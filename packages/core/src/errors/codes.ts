/** What a code means and what to do about it: the rows of docs/errors/README.md, which a test keeps equal to this table. */
export interface ErrorCodeEntry {
  readonly meaning: string
  readonly remedy: string
}

/** Every `code` a {@link SchedError} can carry. Codes are stable; messages may get better. */
export type ErrorCode =
  | 'INVALID_ARGUMENT'
  | 'VALUE_UNSERIALIZABLE'
  | 'VALUE_TOO_LARGE'
  | 'LEASE_LOST'
  | 'CLOSED'
  | 'UNAVAILABLE'
  | 'UNSUPPORTED'
  | 'ADAPTER_INVALID'
  | 'ADAPTER_NOT_INSTALLED'
  | 'JOB_DEFINITION_NOT_FOUND'
  | 'JOB_ALREADY_REGISTERED'
  | 'PAYLOAD_INVALID'
  | 'JOB_NOT_FOUND'
  | 'JOB_STATE'
  | 'SCHEDULE_NOT_FOUND'
  | 'SCHEDULE_INVALID'
  | 'LOCK_FAILED'
  | 'JOB_TIMEOUT'
  | 'JOB_STALLED'
  | 'JOB_CANCELLED'
  | 'JOB_EXPIRED'
  | 'SHUTTING_DOWN'

export const ERROR_CODES: Readonly<Record<ErrorCode, ErrorCodeEntry>> = {
  INVALID_ARGUMENT: {
    meaning: 'An argument or option is outside what the call accepts. Nothing was changed.',
    remedy: 'The message names the argument and the accepted values. Correct the call.',
  },
  VALUE_UNSERIALIZABLE: {
    meaning:
      'A value cannot be stored as JSON plus Date: NaN, Infinity, BigInt, a function, a symbol, a cycle, a lone surrogate, a class instance, or nesting deeper than 100 levels.',
    remedy: 'The message gives the path. Convert that part to JSON or a Date before the call.',
  },
  VALUE_TOO_LARGE: {
    meaning: 'An encoded value is larger than the limit (8 MiB, or less where the adapter says so).',
    remedy: 'Store the bulk elsewhere and put a reference in the payload.',
  },
  LEASE_LOST: {
    meaning: 'The lease ended, or never was this consumer’s; somebody else may hold the id now.',
    remedy: 'Stop working on the id. Its result must not be written.',
  },
  CLOSED: {
    meaning: 'The adapter or scheduler was closed.',
    remedy: 'Create a new one; a closed one is not opened again.',
  },
  UNAVAILABLE: {
    meaning:
      'The server did not answer in time, refused the connection or broke it. With `ambiguous: true` the operation may have been applied.',
    remedy:
      'Repeat the call; repeat an ambiguous enqueue with the same job id. Check the server and the network if it lasts.',
  },
  UNSUPPORTED: {
    meaning: 'The adapter does not offer what the call needs.',
    remedy:
      'The message names the missing method or trait and who has it. Use another adapter or leave the option out.',
  },
  ADAPTER_INVALID: {
    meaning: 'An object handed in as storage, broker, lock or adapters lacks required methods.',
    remedy: 'The message lists every missing method. Add them, or pass what an adapter package made.',
  },
  ADAPTER_NOT_INSTALLED: {
    meaning:
      'The package of a mode or adapter type is not installed where core or the application can see it, or does not load.',
    remedy:
      'The message names the package and the command that installs it beside @sched/core. Where it is there and does not load, `cause` says why.',
  },
  JOB_DEFINITION_NOT_FOUND: {
    meaning: 'No job of that type is registered with this scheduler.',
    remedy: 'Pass the definition in `jobs`, call `registerJob`, or check the spelling of the type.',
  },
  JOB_ALREADY_REGISTERED: {
    meaning: 'Another definition with the same type is registered already.',
    remedy: 'Give each definition a type of its own, and register each once.',
  },
  PAYLOAD_INVALID: {
    meaning: 'The payload does not match the schema of its job type.',
    remedy: '`issues` holds the zod issues with their paths. Correct the payload, or the schema.',
  },
  JOB_NOT_FOUND: {
    meaning: 'There is no job with that id: it never was, or it ended and was pruned.',
    remedy: 'Check the id, the project and the environment; keep finished jobs longer with `retention`.',
  },
  JOB_STATE: {
    meaning: 'The job is in a state that does not allow the change.',
    remedy: 'The message names the state. Read the job again and decide anew.',
  },
  SCHEDULE_NOT_FOUND: {
    meaning: 'There is no schedule of that name.',
    remedy: 'Check the name, the project and the environment, or create it with `schedule`.',
  },
  SCHEDULE_INVALID: {
    meaning: 'A cron expression, interval, instant or time zone cannot be understood, or never fires.',
    remedy: 'The message quotes the culprit and what is accepted.',
  },
  LOCK_FAILED: {
    meaning: 'A distributed lock could not be taken or kept.',
    remedy: 'Another owner holds it, or the lock adapter is unavailable: see `cause`.',
  },
  JOB_TIMEOUT: {
    meaning: 'An attempt ran longer than its `timeout` and was aborted. Counts as a failure.',
    remedy: 'Raise `timeout`, make the handler faster, and let it listen to `ctx.signal`.',
  },
  JOB_STALLED: {
    meaning: 'An attempt gave no sign of life for `stallTimeout` and was aborted. Counts as a failure.',
    remedy: 'Call `ctx.touch()` between steps, or raise `stallTimeout`.',
  },
  JOB_CANCELLED: {
    meaning: 'The job was cancelled while it ran; its signal was aborted with this.',
    remedy: 'Nothing: somebody asked for it.',
  },
  JOB_EXPIRED: {
    meaning: 'The job was not started before its `expiresAt`; it failed without running.',
    remedy: 'Add workers, raise the priority, or give it longer.',
  },
  SHUTTING_DOWN: {
    meaning: 'The scheduler stopped before the attempt ended; its signal was aborted with this.',
    remedy:
      'An at-least-once job is given back and runs again. An at-most-once job has failed for good, with the reason `error`, and runs again only by `retryJob`. Raise `shutdownTimeout`, or end early when `ctx.isShuttingDown` is true.',
  },
}
