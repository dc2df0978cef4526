import { type NewJob, REMEMBER_MS } from '../contracts/job-store.ts'
import { InvalidArgumentError } from '../errors/sched-error.ts'
import { checkOptions } from '../values/known-options.ts'
import {
  type CheckedOverrides,
  checkJobId,
  type EnqueueOptions,
  type JobOverrides,
  MAX_INSTANT,
  readDelay,
  readInstant,
  readOverrides,
  type ScheduledOptions,
} from './enqueue-options.ts'
import type { JobIds } from './job-id.ts'
import { DEFAULT_PRIORITY, type RegisteredJob } from './registry.ts'
import type { JobMaker } from './schedule-chain.ts'

/** A record in the making. */
export type Draft = { -readonly [K in keyof NewJob]: NewJob[K] }

/** The options of one job, and how errors name the call and what it takes. */
export interface GivenOptions {
  readonly options: EnqueueOptions
  readonly what: string
  readonly known: ReadonlySet<string>
}

/** The record of one enqueue with options of its own. Throws INVALID_ARGUMENT. */
export function buildRecord(
  job: RegisteredJob,
  payload: unknown,
  ids: Pick<JobIds, 'next'>,
  { options, what, known }: GivenOptions,
): Draft {
  checkOptions(options, known, what)
  const { id, delay, runAt, expiresAt } = options
  const chosen = id === undefined ? undefined : checkJobId(id, what)
  const record = draftRecord(job, payload, chosen, ids)
  addOverrides(record, readOverrides(options, what))
  if (delay !== undefined && runAt !== undefined)
    throw new InvalidArgumentError(`${what}: give delay or runAt, not both`)
  if (delay !== undefined) record.delayMs = readDelay(delay, `${what}: delay`)
  if (runAt !== undefined) record.runAt = readInstant(runAt, `${what}: runAt`)
  if (expiresAt !== undefined && record.expiresInMs === undefined)
    record.expiresAt = readInstant(expiresAt, `${what}: expiresAt`)
  return record
}

/** What a schedule is to store for its jobs. Throws INVALID_ARGUMENT. */
export function scheduledOptions(
  job: RegisteredJob,
  overrides: JobOverrides,
  what: string,
): ScheduledOptions {
  return {
    priority: job.priority,
    maxRetries: job.maxRetries,
    delivery: job.delivery,
    ...(job.retention !== undefined && { retention: job.retention }),
    ...readOverrides(overrides, what),
  }
}

/** The record of one occurrence of a schedule, from what {@link scheduledOptions} made. Its time to live counts from when it is due. */
export const buildOccurrence: JobMaker = (type, payload, jobOptions, identity) => {
  const { priority, maxRetries, delivery, retention, entityId, expiresInMs, attempt } =
    jobOptions as Partial<ScheduledOptions>
  const { id, runAt, occurrence, rememberMs } = identity
  const expires =
    runAt === undefined ? { expiresInMs } : { expiresAt: Math.min(MAX_INSTANT, runAt + (expiresInMs ?? 0)) }
  return {
    id,
    type,
    payload,
    priority: priority ?? DEFAULT_PRIORITY,
    maxRetries: maxRetries ?? 0,
    delivery: delivery ?? 'at-least-once',
    occurrence,
    rememberMs,
    ...(runAt !== undefined && { runAt }),
    ...(retention !== undefined && { retention }),
    ...(entityId !== undefined && { entityId }),
    ...(attempt !== undefined && { options: attempt }),
    ...(expiresInMs !== undefined && expires),
  } as NewJob
}

/** The record of one enqueue without options: all of a definition are alike. */
export function plainRecord(job: RegisteredJob, payload: unknown, ids: Pick<JobIds, 'next'>): Draft {
  const record = draftRecord(job, payload, undefined, ids)
  record.alike = job
  return record
}

/** What the definition alone says. Without a chosen id it gets a new one. */
function draftRecord(
  job: RegisteredJob,
  payload: unknown,
  chosenId: string | undefined,
  ids: Pick<JobIds, 'next'>,
): Draft {
  const record: Draft = {
    id: chosenId ?? ids.next(),
    type: job.type,
    payload: payload === undefined ? null : payload,
    priority: job.priority,
  }
  if (chosenId === undefined) record.fresh = true
  else record.rememberMs = REMEMBER_MS.chosen
  if (job.maxRetries !== 0) record.maxRetries = job.maxRetries
  if (job.delivery !== 'at-least-once') record.delivery = job.delivery
  if (job.retention !== undefined) record.retention = job.retention
  return record
}

function addOverrides(record: Draft, own: CheckedOverrides): void {
  if (own.priority !== undefined) record.priority = own.priority
  if (own.maxRetries !== undefined) record.maxRetries = own.maxRetries
  if (own.entityId !== undefined) record.entityId = own.entityId
  if (own.expiresInMs !== undefined) record.expiresInMs = own.expiresInMs
  if (own.attempt !== undefined) record.options = own.attempt
}
