import {
  type Delivery,
  FINAL_STATES,
  type FinalState,
  type JobOptions,
  type Keep,
  type Retention,
} from '../contracts/job-record.ts'
import {
  InvalidArgumentError,
  JobAlreadyRegisteredError,
  JobDefinitionNotFoundError,
} from '../errors/sched-error.ts'
import { type Backoff, type BackoffFunction, DEFAULT_BACKOFF, readBackoff } from '../policies/backoff.ts'
import { checkName, MAX_USER_NAME_BYTES } from '../values/codec.ts'
import { parseDuration } from '../values/duration.ts'
import { checkOptions } from '../values/known-options.ts'
import { show } from '../values/show.ts'
import type { JobContext } from './job-context.ts'
import type { AnyJobDefinition, KeepOptions, RetentionOptions } from './job-definition.ts'
import { type PayloadSchema, payloadSchema } from './payload-schema.ts'

export type Handler = (data: unknown, ctx: JobContext) => unknown

/** A checked definition: defaults filled in, durations in milliseconds. */
export interface RegisteredJob {
  readonly type: string
  readonly schema: PayloadSchema | undefined
  /** Undefined: this process only enqueues it. */
  readonly handle: Handler | undefined
  readonly concurrency: number | undefined
  readonly priority: number
  readonly maxRetries: number
  readonly backoff: Backoff | BackoffFunction
  readonly timeoutMs: number | undefined
  readonly stallTimeoutMs: number | undefined
  readonly delivery: Delivery
  readonly retention: Retention | undefined
}

export const DEFAULT_PRIORITY = 1

/** The job types of one scheduler. */
export class Registry {
  readonly #jobs: Map<string, RegisteredJob> = new Map()
  #unlimited: readonly { readonly type: string }[] = []
  #limited: readonly { readonly type: string; readonly maxActive: number }[] = []

  /** The types that this process can run and that have no limit. */
  get unlimited(): readonly { readonly type: string }[] {
    return this.#unlimited
  }

  /** Those with a `concurrency`. */
  get limited(): readonly { readonly type: string; readonly maxActive: number }[] {
    return this.#limited
  }

  /** The names of the types that this process can run. */
  get runnable(): readonly string[] {
    return [...this.#unlimited, ...this.#limited].map(({ type }) => type)
  }

  /** Throws INVALID_ARGUMENT, JOB_ALREADY_REGISTERED. */
  add(definition: AnyJobDefinition): RegisteredJob {
    const job = readDefinition(definition)
    if (this.#jobs.has(job.type)) throw new JobAlreadyRegisteredError(job.type)
    this.#jobs.set(job.type, job)
    if (job.handle === undefined) return job
    const { type, concurrency } = job
    if (concurrency === undefined) this.#unlimited = [...this.#unlimited, { type }]
    else this.#limited = [...this.#limited, { type, maxActive: concurrency }]
    return job
  }

  find(type: string): RegisteredJob | undefined {
    return this.#jobs.get(type)
  }

  /** Throws JOB_DEFINITION_NOT_FOUND. */
  get(type: string): RegisteredJob {
    const job = this.#jobs.get(type)
    if (!job) throw new JobDefinitionNotFoundError(type, [...this.#jobs.keys()])
    return job
  }
}

function readDefinition(definition: AnyJobDefinition): RegisteredJob {
  if (typeof definition !== 'object' || definition === null)
    throw new InvalidArgumentError(
      'a job definition must be an object { type, schema, handle, … }: see defineJob',
    )
  const { type, handle, concurrency, priority, maxRetries, backoffStrategy } = definition
  checkName(type, "a job definition's type", MAX_USER_NAME_BYTES)
  const what = `the definition of "${type}"`
  checkOptions(definition, KNOWN, what)
  if (handle !== undefined && typeof handle !== 'function')
    throw new InvalidArgumentError(`${what}: handle must be a function, not ${show(handle)}`)
  if (concurrency !== undefined && !(Number.isSafeInteger(concurrency) && concurrency > 0))
    throw new InvalidArgumentError(
      `${what}: concurrency must be a positive integer, not ${show(concurrency)}`,
    )
  return {
    type,
    schema: payloadSchema(type, definition.schema),
    // called as a method of its definition, as it was written
    handle: handle && (handle.bind(definition) as Handler),
    concurrency,
    priority: checkPriority(priority ?? DEFAULT_PRIORITY, what),
    maxRetries: checkMaxRetries(maxRetries ?? 0, what),
    backoff:
      backoffStrategy === undefined
        ? DEFAULT_BACKOFF
        : readBackoff(backoffStrategy, `${what}: backoffStrategy`),
    timeoutMs: readLimit(definition.timeout, `${what}: timeout`),
    stallTimeoutMs: readLimit(definition.stallTimeout, `${what}: stallTimeout`),
    delivery: checkDelivery(definition.delivery ?? 'at-least-once', what),
    retention: readRetention(definition.retention, `${what}: retention`),
  }
}

const KNOWN: ReadonlySet<string> = new Set([
  'type',
  'schema',
  'handle',
  'concurrency',
  'priority',
  'maxRetries',
  'backoffStrategy',
  'timeout',
  'stallTimeout',
  'delivery',
  'retention',
])

const KNOWN_STATES: ReadonlySet<string> = new Set(FINAL_STATES)
const KNOWN_KEEP: ReadonlySet<string> = new Set(['age', 'count'])

function readRetention(retention: RetentionOptions | undefined, what: string): Retention | undefined {
  if (retention === undefined) return undefined
  checkOptions(retention, KNOWN_STATES, what)
  const read: { [State in FinalState]?: Keep } = {}
  for (const state of FINAL_STATES) {
    const keep = retention[state]
    if (keep !== undefined) read[state] = readKeep(keep, `${what}.${state}`)
  }
  return read
}

function readKeep(keep: KeepOptions, what: string): Keep {
  checkOptions(keep, KNOWN_KEEP, what)
  const { age, count } = keep
  if (count !== undefined && !(Number.isSafeInteger(count) && count >= 0))
    throw new InvalidArgumentError(`${what}.count must be an integer, 0 or more, not ${show(count)}`)
  return {
    ...(age !== undefined && { ageMs: parseDuration(age, `${what}.age`) }),
    ...(count !== undefined && { count }),
  }
}

/** Throws INVALID_ARGUMENT outside −20 … 20. */
export function checkPriority(priority: number, what: string): number {
  if (Number.isInteger(priority) && priority >= -20 && priority <= 20) return priority
  throw new InvalidArgumentError(
    `${what}: priority must be an integer from -20 (lowest) to 20 (highest), not ${show(priority)}`,
  )
}

export function checkMaxRetries(maxRetries: number, what: string): number {
  if (Number.isSafeInteger(maxRetries) && maxRetries >= 0) return maxRetries
  throw new InvalidArgumentError(`${what}: maxRetries must be an integer, 0 or more, not ${show(maxRetries)}`)
}

/** A limit of zero would end every attempt at once: it is taken as a mistake. */
export function readLimit(value: number | string | undefined, what: string): number | undefined {
  if (value === undefined) return undefined
  const ms = parseDuration(value, what)
  if (ms === 0) throw new InvalidArgumentError(`${what} must be longer than 0 ms`)
  return ms
}

function checkDelivery(delivery: Delivery, what: string): Delivery {
  if (delivery === 'at-least-once' || delivery === 'at-most-once') return delivery
  throw new InvalidArgumentError(
    `${what}: delivery must be 'at-least-once' or 'at-most-once', not ${show(delivery)}`,
  )
}

/** What of a job's own options travels with it to the worker that runs it. */
export interface AttemptOptions {
  readonly backoff?: Backoff
  readonly timeout?: number
  readonly stallTimeout?: number
}

export function attemptOptions(options: JobOptions | null): AttemptOptions {
  return (options ?? {}) as AttemptOptions
}
