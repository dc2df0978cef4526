import {
  ADAPTER_OPTIONS,
  type AdapterPlan,
  type Mode,
  readModeOptions,
  type SchedulerAdapters,
} from '../adapters/modes.ts'
import type { ScopeParts } from '../adapters/scope.ts'
import type { Adapters } from '../contracts/backend.ts'
import { InvalidArgumentError } from '../errors/sched-error.ts'
import { EmptyLogger, LOG_LEVELS, type Logger } from '../telemetry/logger.ts'
import { safeLogger } from '../telemetry/safe-logger.ts'
import { type Clock, systemClock } from '../values/clock.ts'
import { checkName, MAX_USER_NAME_BYTES } from '../values/codec.ts'
import { parseDuration } from '../values/duration.ts'
import { checkFlag, checkOptions } from '../values/known-options.ts'
import { show } from '../values/show.ts'
import type { AnyJobDefinition } from './job-definition.ts'
import { HOOKS, type SchedulerHooks } from './scheduler-hooks.ts'

/** Milliseconds, or a text such as `30s`. */
type Duration = number | string

/**
 * What a scheduler runs on, as `adapters: { storage, broker, lock }` (what an adapter package makes, or any three of your own) or as a
 * `mode` with its configuration, and how it works.
 */
export type SchedulerOptions<Definitions extends readonly AnyJobDefinition[]> = SchedulerAdapters &
  WorkOptions<Definitions>

export interface WorkOptions<Definitions extends readonly AnyJobDefinition[]> extends SchedulerHooks {
  /** The job types this process knows; `registerJob` adds more. */
  readonly jobs?: Definitions
  /** Whose jobs: schedulers with the same product, project and environment share them. Defaults: `sched`, `default`, `default`. */
  readonly product?: string
  readonly project?: string
  readonly environment?: string
  /** Jobs running at once in this process, 1 … 1,000; default 20. */
  readonly maxConcurrentJobs?: number
  /** A worker that gives no sign of life for so long loses its jobs; default 60 s, at least 100 ms. */
  readonly jobLockTTL?: Duration
  /** A leader that gives no sign of life for so long is replaced; default 30 s, at least 100 ms. */
  readonly leaderLockTTL?: Duration
  /** The fall-back poll for jobs; wakes and exact due times make it rarely matter. Default 5 s. */
  readonly jobProcessingInterval?: Duration
  /** How often the leader mends schedules; due times are met without it. Default 60 s. */
  readonly jobSchedulingInterval?: Duration
  /** How often the leader fails jobs past their `expiresAt`; none starts late because of it. Default 60 s. */
  readonly expiredJobCheckInterval?: Duration
  /** Default 15 s, or a third of `jobLockTTL` if that is sooner. */
  readonly workerHeartbeatInterval?: Duration
  /** How often the leader takes back the jobs of dead workers; default 60 s. */
  readonly workerInactiveCheckInterval?: Duration
  /** How long `stop` waits for running jobs; default 15 s. */
  readonly shutdownTimeout?: Duration
  /** A missed run of a schedule that is older is skipped; default 1 h. */
  readonly scheduledJobMaxStaleAge?: Duration
  /** The worker's name; its id is `name#uuid`. Default: host name and a UUID. */
  readonly worker?: string
  readonly logger?: Logger
  /** False: the plain job store, also where storage and broker could do settle and claim in one trip. Default true. */
  readonly fuse?: boolean
  /** True: adapters without fencing are refused. Default false: a warning. */
  readonly requireFenced?: boolean
  /** Whether `stop` closes the adapters once no other scheduler of this process uses them; default true. */
  readonly closeAdapters?: boolean
  /** For tests. */
  readonly clock?: Clock
  /** For tests: numbers in [0, 1). */
  readonly random?: () => number
}

/** Checked, with the defaults filled in; milliseconds. */
export interface SchedulerSettings {
  readonly mode: Mode
  readonly adapters: Adapters | AdapterPlan
  /** Neither adapters nor a mode were given. */
  readonly isUnchosen: boolean
  readonly scope: ScopeParts
  readonly fuse: boolean
  readonly requireFenced: boolean
  readonly maxConcurrentJobs: number
  readonly jobLockMs: number
  readonly leaderLockMs: number
  readonly pollMs: number
  readonly schedulesMs: number
  readonly sweepMs: number
  readonly heartbeatMs: number
  readonly shutdownMs: number
  readonly staleAgeMs: number
  readonly worker: string | undefined
  readonly logger: Logger
  readonly clock: Clock
  readonly random: () => number
  readonly closeAdapters: boolean
}

const DEFAULTS = {
  jobLockTTL: 60_000,
  leaderLockTTL: 30_000,
  jobProcessingInterval: 5_000,
  jobSchedulingInterval: 60_000,
  expiredJobCheckInterval: 60_000,
  workerHeartbeatInterval: 15_000,
  workerInactiveCheckInterval: 60_000,
  shutdownTimeout: 15_000,
  scheduledJobMaxStaleAge: 3_600_000,
} as const

const KNOWN: ReadonlySet<string> = new Set([
  ...ADAPTER_OPTIONS,
  'jobs',
  'product',
  'project',
  'environment',
  'maxConcurrentJobs',
  ...Object.keys(DEFAULTS),
  'worker',
  'logger',
  'fuse',
  'requireFenced',
  'closeAdapters',
  'clock',
  'random',
  ...HOOKS,
])

/** Throws INVALID_ARGUMENT, naming the option. */
export function readSettings(options: SchedulerOptions<readonly AnyJobDefinition[]>): SchedulerSettings {
  if (typeof options !== 'object' || options === null)
    throw new InvalidArgumentError('new JobScheduler() takes an object: { mode or adapters, jobs, … }')
  checkOptions(options, KNOWN, 'new JobScheduler()')
  checkParts(options)
  const read = (name: keyof typeof DEFAULTS, least: number): number => {
    const ms = parseDuration(options[name] ?? DEFAULTS[name], name)
    if (ms < least) throw new InvalidArgumentError(`${name} must be at least ${least} ms, not ${ms}`)
    return ms
  }
  const { maxConcurrentJobs = 20, worker, logger, mode, adapters } = options
  const { product, project = 'default', environment = 'default' } = options
  if (!(Number.isInteger(maxConcurrentJobs) && maxConcurrentJobs >= 1 && maxConcurrentJobs <= 1_000))
    throw new InvalidArgumentError(
      `maxConcurrentJobs must be an integer from 1 to 1000, not ${show(maxConcurrentJobs)}`,
    )
  if (worker !== undefined) checkName(worker, 'worker', MAX_USER_NAME_BYTES)
  return {
    mode: mode ?? (adapters === undefined ? 'default' : 'custom'),
    adapters: readModeOptions(options),
    isUnchosen: mode === undefined && adapters === undefined,
    scope: { project, environment, ...(product !== undefined && { product }) },
    fuse: options.fuse ?? true,
    requireFenced: options.requireFenced ?? false,
    maxConcurrentJobs,
    jobLockMs: read('jobLockTTL', 100),
    leaderLockMs: read('leaderLockTTL', 100),
    pollMs: read('jobProcessingInterval', 1),
    schedulesMs: read('jobSchedulingInterval', 1),
    sweepMs: Math.min(read('expiredJobCheckInterval', 1), read('workerInactiveCheckInterval', 1)),
    heartbeatMs: read('workerHeartbeatInterval', 10),
    shutdownMs: read('shutdownTimeout', 0),
    staleAgeMs: read('scheduledJobMaxStaleAge', 0),
    worker,
    logger: logger ? safeLogger(logger) : new EmptyLogger(),
    clock: options.clock ?? systemClock,
    random: options.random ?? Math.random,
    closeAdapters: options.closeAdapters ?? true,
  }
}

function checkParts(options: SchedulerOptions<readonly AnyJobDefinition[]>): void {
  const { jobs, logger, clock, random } = options
  if (jobs !== undefined && !Array.isArray(jobs))
    throw new InvalidArgumentError(`jobs must be an array of job definitions, not ${show(jobs)}`)
  checkMethods(logger, 'logger', LOG_LEVELS)
  checkMethods(clock, 'clock', ['now', 'monotonic', 'after'])
  for (const name of ['fuse', 'requireFenced', 'closeAdapters'] as const) checkFlag(options[name], name)
  for (const name of HOOKS) checkFunction(options[name], name)
  checkFunction(random, 'random')
}

function checkMethods(value: unknown, what: string, methods: readonly string[]): void {
  if (value === undefined) return
  const has = (name: string): boolean =>
    typeof (value as Record<string, unknown> | null)?.[name] === 'function'
  const missing = methods.filter((name) => !has(name))
  if (missing.length > 0)
    throw new InvalidArgumentError(`${what}, ${show(value)}, lacks the methods ${missing.join(', ')}`)
}

function checkFunction(value: unknown, what: string): void {
  if (value === undefined || typeof value === 'function') return
  throw new InvalidArgumentError(`${what} must be a function, not ${show(value)}`)
}
