// Servers that take over from each other, and schedulers that work meanwhile.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readlinkSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setImmediate as immediate, setTimeout as pause } from 'node:timers/promises'
import { ClosedError, defineJob, JobScheduler } from '@sched/core'
import { type Server, startRedis } from '@sched/test-services'
import { Redis } from 'ioredis'
import { type RedisConnectionOptions, redis } from './index.ts'

export const MASTER_NAME = 'jobs'
const WITHIN_MS = 30_000

/** Asks until the answer is true; rejects after half a minute. */
export async function until(what: string, ask: () => Promise<boolean> | boolean): Promise<void> {
  const end = Date.now() + WITHIN_MS
  while (!(await ask())) {
    if (Date.now() > end) throw new Error(`not within ${WITHIN_MS} ms: ${what}`)
    await pause(20)
  }
}

export async function ask<T>(port: number, question: (client: Redis) => Promise<T>): Promise<T> {
  const client = new Redis({ host: '127.0.0.1', port })
  client.on('error', () => undefined)
  try {
    return await question(client)
  } finally {
    client.disconnect()
  }
}

export interface TestSentinel {
  readonly port: number
  readonly servers: readonly Server[]
  /** The port of the present master. */
  master(): Promise<number>
  stop(): Promise<void>
}

/** A master and its replica, watched by one Sentinel. */
export async function startSentinel(): Promise<TestSentinel> {
  const [master, replica] = (await Promise.all([startRedis(), startRedis()])) as [Server, Server]
  await ask(replica.port, (client) => client.replicaof('127.0.0.1', master.port))
  const directory = mkdtempSync(join(tmpdir(), 'sentinel-'))
  // one program, which its name makes a Sentinel
  const sentinel = await startRedis()
  const { port } = sentinel
  const program = readlinkSync(`/proc/${sentinel.pid}/exe`)
  await sentinel.stop()
  const file = join(directory, 'sentinel.conf')
  writeFileSync(
    file,
    [
      `port ${port}`,
      'bind 127.0.0.1',
      `dir ${directory}`,
      `sentinel monitor ${MASTER_NAME} 127.0.0.1 ${master.port} 1`,
      `sentinel down-after-milliseconds ${MASTER_NAME} 500`,
      `sentinel failover-timeout ${MASTER_NAME} 3000`,
      '',
    ].join('\n'),
  )
  const child = spawn(program, [file, '--sentinel'], { argv0: 'redis-sentinel', stdio: 'ignore' })
  const endWithUs = (): void => void child.kill('SIGKILL')
  process.once('exit', endWithUs)
  await until('the Sentinel knows the replica', () =>
    ask(port, async (client) => {
      const replicas = (await client.call('sentinel', 'replicas', MASTER_NAME).catch(() => [])) as string[][]
      return replicas.length === 1 && replicas[0]?.includes('ok') === true
    }),
  )
  return {
    port,
    servers: [master, replica],
    master: () =>
      ask(port, async (client) => {
        const address = (await client.call('sentinel', 'get-master-addr-by-name', MASTER_NAME)) as string[]
        return Number(address[1])
      }),
    stop: async () => {
      child.kill('SIGKILL')
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
      process.off('exit', endWithUs)
      rmSync(directory, { recursive: true, force: true })
      await Promise.all([master.stop(), replica.stop()])
    },
  }
}

/** One process that enqueues and two that work. */
export interface Crew {
  /** How often each job ran, by id. */
  readonly runs: ReadonlyMap<string, number>
  /** One after another, with these ids. A rejected one is tried again: that is safe with the same id. */
  enqueue(ids: readonly string[]): Promise<void>
  finished(count: number): Promise<void>
  stop(): Promise<void>
}

export async function startCrew(source: RedisConnectionOptions, handleMs = 2): Promise<Crew> {
  const runs = new Map<string, number>()
  const make = (works: boolean): JobScheduler => {
    const handle = async (_: unknown, { jobId }: { readonly jobId: string }): Promise<void> => {
      runs.set(jobId, (runs.get(jobId) ?? 0) + 1)
      await pause(handleMs)
    }
    return new JobScheduler({
      adapters: redis(source),
      maxConcurrentJobs: 4,
      jobLockTTL: 5_000,
      jobs: [defineJob({ type: 'mail', ...(works && { handle }) })],
    })
  }
  const [producer, ...workers] = [make(false), make(true), make(true)] as [JobScheduler, ...JobScheduler[]]
  for (const worker of workers) await worker.start()
  return {
    runs,
    async enqueue(ids) {
      for (const id of ids) {
        let stored = false
        while (!stored) {
          stored = await producer.enqueue('mail', undefined, { id }).then(
            () => true,
            (error: unknown) => {
              if (error instanceof ClosedError) throw error
              return false
            },
          )
          // what is rejected at once must not keep everything else from going on
          await immediate()
        }
      }
    },
    finished: (count) =>
      until(`${count} jobs are finished`, async () => {
        const metrics = await producer.getMetrics().catch(() => undefined)
        return metrics !== undefined && metrics.pending + metrics.running === 0 && runs.size >= count
      }),
    async stop() {
      await Promise.all([producer, ...workers].map((one) => one.stop()))
    },
  }
}
