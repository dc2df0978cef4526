import type { ErrorCode } from './codes.ts'

export interface SchedErrorOptions {
  readonly cause?: unknown
  /** True when the operation may have been applied although it was not acknowledged. */
  readonly ambiguous?: boolean
}

/** The base of every error sched makes. `code` is stable and listed in docs/errors; messages never carry credentials. */
export class SchedError extends Error {
  readonly code: ErrorCode
  readonly ambiguous: boolean

  constructor(code: ErrorCode, message: string, options: SchedErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.code = code
    this.ambiguous = options.ambiguous ?? false
  }

  override get name(): string {
    return this.constructor.name
  }
}

export class InvalidArgumentError extends SchedError {
  constructor(message: string, options?: SchedErrorOptions) {
    super('INVALID_ARGUMENT', message, options)
  }
}

/** `path` leads to the culprit, e.g. `payload.items[3].price`. */
export class ValueUnserializableError extends SchedError {
  readonly path: string
  constructor(path: string, what: string) {
    super('VALUE_UNSERIALIZABLE', `${path}: ${what}`)
    this.path = path
  }
}

export class ValueTooLargeError extends SchedError {
  constructor(what: string, bytes: number, maxBytes: number) {
    super(
      'VALUE_TOO_LARGE',
      `${what} takes ${bytes} bytes encoded, more than the ${maxBytes} allowed: store the bulk elsewhere and keep a reference`,
    )
  }
}

export class LeaseLostError extends SchedError {
  constructor(message: string, options?: SchedErrorOptions) {
    super('LEASE_LOST', message, options)
  }
}

export class ClosedError extends SchedError {
  /** `what`: the thing that is closed, e.g. `the memory broker`. */
  constructor(what: string) {
    super('CLOSED', `${what} is closed: create a new one`)
  }
}

export class UnavailableError extends SchedError {
  constructor(message: string, options?: SchedErrorOptions) {
    super('UNAVAILABLE', message, options)
  }
}

export class UnsupportedError extends SchedError {
  constructor(message: string, options?: SchedErrorOptions) {
    super('UNSUPPORTED', message, options)
  }
}

/** `missing` lists every method that is not there. */
export class AdapterInvalidError extends SchedError {
  readonly missing: readonly string[]
  constructor(message: string, missing: readonly string[] = []) {
    super('ADAPTER_INVALID', message)
    this.missing = missing
  }
}

/** `package`: what is missing or does not load. `command`: what installs it. */
export class AdapterNotInstalledError extends SchedError {
  readonly package: string
  readonly command: string
  /** `why`: a sentence without its end, e.g. `mode 'redis' needs it`. */
  constructor(name: string, command: string, why: string, options?: SchedErrorOptions) {
    super('ADAPTER_NOT_INSTALLED', `${name}: ${why}; \`${command}\` installs it`, options)
    this.package = name
    this.command = command
  }
}

export class JobDefinitionNotFoundError extends SchedError {
  readonly type: string
  constructor(type: string, known: readonly string[] = []) {
    const list = known.length > 0 ? `registered are: ${known.join(', ')}` : 'none is registered'
    super(
      'JOB_DEFINITION_NOT_FOUND',
      `no job of type "${type}" is registered (${list}): pass its definition in \`jobs\` or to registerJob`,
    )
    this.type = type
  }
}

export class JobAlreadyRegisteredError extends SchedError {
  readonly type: string
  constructor(type: string) {
    super(
      'JOB_ALREADY_REGISTERED',
      `a job of type "${type}" is registered already: give each definition its own type`,
    )
    this.type = type
  }
}

/** One violated rule of a payload's schema, as zod reports it. */
export interface PayloadIssue {
  readonly path: readonly PropertyKey[]
  readonly message: string
  readonly code?: string | undefined
}

export class PayloadValidationError extends SchedError {
  readonly type: string
  readonly issues: readonly PayloadIssue[]
  constructor(type: string, issues: readonly PayloadIssue[], options?: SchedErrorOptions) {
    const lines = issues.map((issue) => `${formatPath(issue.path)}: ${issue.message}`)
    super(
      'PAYLOAD_INVALID',
      `the payload of "${type}" is not what its schema asks for: ${lines.join('; ')}`,
      options,
    )
    this.type = type
    this.issues = issues
  }
}

export class JobNotFoundError extends SchedError {
  readonly jobId: string
  constructor(jobId: string) {
    super('JOB_NOT_FOUND', `there is no job ${jobId}: it never was, or it ended and was pruned`)
    this.jobId = jobId
  }
}

export class JobStateError extends SchedError {
  constructor(message: string) {
    super('JOB_STATE', message)
  }
}

export class ScheduleNotFoundError extends SchedError {
  constructor(name: string) {
    super('SCHEDULE_NOT_FOUND', `there is no schedule "${name}": create it with schedule()`)
  }
}

export class ScheduleInvalidError extends SchedError {
  constructor(message: string, options?: SchedErrorOptions) {
    super('SCHEDULE_INVALID', message, options)
  }
}

export class DistributedLockError extends SchedError {
  constructor(message: string, options?: SchedErrorOptions) {
    super('LOCK_FAILED', message, options)
  }
}

export class JobTimeoutError extends SchedError {
  constructor(jobId: string, timeoutMs: number) {
    super('JOB_TIMEOUT', `job ${jobId} ran longer than its timeout of ${timeoutMs} ms and was aborted`)
  }
}

export class JobStalledError extends SchedError {
  constructor(jobId: string, stallTimeoutMs: number) {
    super(
      'JOB_STALLED',
      `job ${jobId} gave no sign of life for ${stallTimeoutMs} ms and was aborted: call ctx.touch() between steps`,
    )
  }
}

export class JobCancelledError extends SchedError {
  constructor(jobId: string) {
    super('JOB_CANCELLED', `job ${jobId} was cancelled`)
  }
}

export class JobExpiredError extends SchedError {
  constructor(jobId: string) {
    super('JOB_EXPIRED', `job ${jobId} was not started before it expired`)
  }
}

export class ShuttingDownError extends SchedError {
  constructor(message = 'the scheduler is shutting down') {
    super('SHUTTING_DOWN', message)
  }
}

/** `items[3].price` from `['items', 3, 'price']`; `(root)` for the empty path. */
export function formatPath(path: readonly PropertyKey[]): string {
  if (path.length === 0) return '(root)'
  return path
    .map((part, index) =>
      typeof part === 'number' ? `[${part}]` : index === 0 ? String(part) : `.${String(part)}`,
    )
    .join('')
}
