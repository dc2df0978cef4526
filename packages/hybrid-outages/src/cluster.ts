/** The scheduler that every process of an outage runs: PostgreSQL keeps the jobs, Redis moves them. */
import { defineJob, JobScheduler, type Logger } from '@sched/core'
import { createPostgresStorage } from '@sched/postgres'
import { redis } from '@sched/redis'

/** What a process must know to take part. JSON. */
export interface ClusterPlan {
  readonly postgresUrl: string
  readonly redisUrl: string
  /** Where the run logs are written. */
  readonly folder: string
  /** How long a handler takes, milliseconds. */
  readonly handlerMs: number
  /** Whether the schedulers log to stderr. */
  readonly verbose: boolean
}

/** In which PostgreSQL schema everything lives. */
export const SCHEMA = 'sched_outages'
/** The jobs that are worked off. */
export const WORK = 'work'
/** Jobs of a type that is paused until the end. */
export const HELD = 'held'
/** A worker that gives no sign of life for so long loses its jobs, milliseconds. */
export const LEASE_MS = 3_000

/** Nothing is forgotten before it is counted. */
const RETENTION = { completed: { age: '1d', count: 1_000_000 } } as const

/** `handle` is left out by a process that only enqueues; it gets the id of the job and the fence of the claim. */
export function openCluster(
  { postgresUrl, redisUrl, verbose }: ClusterPlan,
  handle?: (id: string, fence: number) => Promise<void>,
): JobScheduler {
  const definitions = [WORK, HELD].map((type) =>
    defineJob({
      type,
      retention: RETENTION,
      ...(handle && { handle: (_: undefined, ctx) => handle(ctx.jobId, ctx.fence) }),
    }),
  )
  return new JobScheduler({
    adapters: { ...redis(redisUrl), storage: createPostgresStorage(postgresUrl, { schema: SCHEMA }) },
    project: 'outages',
    jobs: definitions,
    jobLockTTL: LEASE_MS,
    workerHeartbeatInterval: '1s',
    workerInactiveCheckInterval: '1s',
    leaderLockTTL: '3s',
    ...(verbose && { logger: stderrLogger(`${process.pid}`) }),
  })
}

function stderrLogger(name: string): Logger {
  const write =
    (level: string) =>
    (message: string, { error, ...rest }: Readonly<Record<string, unknown>> = {}): void => {
      const why = error instanceof Error ? `: ${error.message}` : ''
      console.error(`${new Date().toISOString()} ${name} ${level} ${message}${why}`, JSON.stringify(rest))
    }
  return { debug: () => undefined, info: write('info'), warn: write('warn'), error: write('error') }
}
