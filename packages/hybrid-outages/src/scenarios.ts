import { setTimeout as sleep } from 'node:timers/promises'
import type { Server } from '@sched/test-services'
import { Redis } from 'ioredis'
import type { WorkerProcesses } from './worker-processes.ts'

export interface Ground {
  readonly redis: Server
  readonly postgres: Server
  readonly workers: WorkerProcesses
  /** How long the outage lasts, milliseconds. */
  readonly outageMs: number
  /** How long the work lasts about, where nothing is in its way. */
  readonly workMs: number
}

export interface Scenario {
  readonly title: string
  /** Resolves when the outage is over. */
  strike(ground: Ground): Promise<void>
}

const KILL_EVERY_MS = 1_000

export type ScenarioName = 'redis-flushed' | 'redis-stopped' | 'postgres-stopped' | 'workers-killed'

export const SCENARIOS: Readonly<Record<ScenarioName, Scenario>> = {
  'redis-flushed': {
    title: 'Redis flushed',
    async strike({ redis }) {
      const client = new Redis(redis.url)
      await client.flushall()
      client.disconnect()
    },
  },
  'redis-stopped': {
    title: 'Redis stopped, back empty',
    async strike({ redis, outageMs }) {
      await redis.kill('SIGTERM')
      await sleep(outageMs)
      await redis.start()
    },
  },
  'postgres-stopped': {
    title: 'PostgreSQL stopped',
    async strike({ postgres, outageMs }) {
      await postgres.kill('SIGINT')
      await sleep(outageMs)
      await postgres.start()
    },
  },
  'workers-killed': {
    title: 'a worker killed every second',
    async strike({ workers, workMs }) {
      for (let past = 0; past < workMs; past += KILL_EVERY_MS) {
        await workers.replaceOne()
        await sleep(KILL_EVERY_MS)
      }
    },
  },
}
