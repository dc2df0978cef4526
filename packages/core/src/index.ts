/** `@sched/core`: what users import. */
export type {
  BackendConfigs,
  BackendName,
  MemoryConfig,
  MemoryConfigOptions,
  MongoClientLike,
  MongoConfig,
  MongoConfigOptions,
  PostgresConfig,
  PostgresConfigOptions,
  PostgresPoolLike,
  RedisClientLike,
  RedisConfig,
  RedisConfigOptions,
} from './adapters/backend-config.ts'
export {
  type AdapterOptions,
  createAdapters,
  createBrokerAdapter,
  createLockAdapter,
  createStorageAdapter,
} from './adapters/create-adapters.ts'
export {
  type BrokerImplementation,
  createBroker,
  createLock,
  createStorage,
  type LockImplementation,
  type StorageImplementation,
} from './adapters/define.ts'
export type { Mode, ModeOptions, SchedulerAdapters } from './adapters/modes.ts'
export type { Adapters } from './contracts/backend.ts'
export type { IBrokerEngine } from './contracts/broker-engine.ts'
export type {
  Delivery,
  FailReason,
  JobError,
  JobRecord,
  JobState,
  Keep,
  Occurrence,
  Retention,
} from './contracts/job-record.ts'
export { DEFAULT_RETENTION, JOB_STATES } from './contracts/job-record.ts'
export type { JobPage, JobQuery, SweepReport, WorkerRecord } from './contracts/job-store.ts'
export type { BrokerStrategy, Traits } from './contracts/lifecycle.ts'
export type { ILockAdapter } from './contracts/lock-adapter.ts'
export type { ScheduleRecord, ScheduleState, ScheduleType } from './contracts/schedule-store.ts'
export type { IStorageEngine } from './contracts/storage-engine.ts'
export * from './errors/codes.ts'
export * from './errors/sched-error.ts'
export type {
  BackoffFunction,
  BackoffOptions,
  BackoffStrategy,
  StoredBackoffStrategy,
} from './policies/backoff.ts'
export type { EnqueueOptions, JobOverrides } from './runtime/enqueue-options.ts'
export { EnqueueManyError } from './runtime/insert-queue.ts'
export type { JobContext } from './runtime/job-context.ts'
export {
  type AnyJobDefinition,
  type DataOf,
  defineJob,
  type JobDefinition,
  type JobDefinitionWithoutSchema,
  type JobDefinitionWithSchema,
  type JobSettings,
  type KeepOptions,
  type PayloadOf,
  type RetentionOptions,
} from './runtime/job-definition.ts'
export type { CountQuery, DrainOptions, RescheduleOptions } from './runtime/job-management.ts'
export type { ScheduleJobOptions } from './runtime/schedule-options.ts'
export { type EnqueueItem, JobScheduler, type SchedulerDescription } from './runtime/scheduler.ts'
export type { SchedulerHooks } from './runtime/scheduler-hooks.ts'
export type { SchedulerOptions, WorkOptions } from './runtime/scheduler-options.ts'
export type { JobStoreDescription } from './store/describe-store.ts'
export type { EventName, Job, Listener, SchedulerEvents } from './telemetry/events.ts'
export { EmptyLogger, type Logger, type LogLevel } from './telemetry/logger.ts'
export type { Metrics, StateMetrics, TypeMetrics } from './telemetry/metrics.ts'
export { type PinoLike, PinoLogger } from './telemetry/pino-logger.ts'
export { type Clock, systemClock, type Timer } from './values/clock.ts'
