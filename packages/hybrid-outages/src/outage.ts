import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startPostgres, startRedis } from '@sched/test-services'
import { type ClusterPlan, HELD, LEASE_MS, openCluster, WORK } from './cluster.ts'
import { FinalStates } from './final-states.ts'
import { produce } from './producer.ts'
import { readRuns } from './run-log.ts'
import { type Ground, SCENARIOS, type ScenarioName } from './scenarios.ts'
import { hasFaults, type Tally, tallyOf } from './tally.ts'
import { WorkerProcesses } from './worker-processes.ts'

export interface OutageOptions {
  readonly scenario: ScenarioName
  readonly jobs: number
  /** How long the outage lasts, milliseconds. */
  readonly outageMs: number
  /** Worker processes; default 4. */
  readonly workers?: number
  readonly verbose?: boolean
}

export interface OutageReport extends Tally {
  readonly scenario: ScenarioName
  /** Enqueues that were rejected while the outage lasted, and repeated. */
  readonly rejected: number
  readonly slowestEnqueueMs: number
  /** From the end of the outage to the next job that began. */
  readonly backAfterMs: number
  /** From the start of the outage to the last job's end. */
  readonly lastedMs: number
  /** Workers that ended by themselves, or did not end well when they were asked to. */
  readonly brokenWorkers: number
  readonly good: boolean
}

const WORKERS = 4
/** Jobs that one worker runs at once. */
const SLOTS = 20
/** The work is to last about this many times as long as the outage. */
const STRETCH = 2.5
const LONGEST_HANDLER_MS = 400
const HELD_JOBS = 100
/** No job has ended for so long: the others are lost. */
const PATIENCE_MS = 45_000

/** Lets four worker processes work off jobs while something fails, and says what became of the jobs. Has servers of its own. */
export async function runOutage(options: OutageOptions): Promise<OutageReport> {
  const { jobs, outageMs, workers: count = WORKERS, verbose = false } = options
  const workMs = STRETCH * outageMs
  const folder = await mkdtemp(join(tmpdir(), 'sched-outage-'))
  const [postgres, redis] = await Promise.all([startPostgres(), startRedis()])
  const plan: ClusterPlan = {
    postgresUrl: postgres.url,
    redisUrl: redis.url,
    folder,
    handlerMs: Math.min(LONGEST_HANDLER_MS, Math.round((count * SLOTS * workMs) / jobs)),
    verbose,
  }
  const workers = new WorkerProcesses(plan)
  try {
    return await run(options, plan, { postgres, redis, workers, outageMs, workMs })
  } finally {
    await workers.kill()
    await Promise.all([postgres.stop(), redis.stop()])
    await rm(folder, { recursive: true, force: true })
  }
}

async function run(
  { scenario, jobs, workers: count = WORKERS }: OutageOptions,
  plan: ClusterPlan,
  ground: Ground,
): Promise<OutageReport> {
  const { workers, outageMs } = ground
  const work = idsOf(WORK, jobs)
  const held = idsOf(HELD, HELD_JOBS)
  const before = Math.ceil(jobs / 2)
  const scheduler = openCluster(plan)
  const finals = new FinalStates(plan.postgresUrl)
  try {
    await scheduler.pause(HELD)
    await finals.install()
    await produce(scheduler, HELD, held.slice(0, HELD_JOBS / 2), 0)
    await workers.start(count)
    await produce(scheduler, WORK, work.slice(0, before), 0)
    await workers.ran(jobs / 10)

    // the other half comes while the outage lasts, and into the paused queue, too
    const struckAt = performance.now()
    const producing = Promise.all([
      produce(scheduler, WORK, work.slice(before), outageMs * 1.2),
      produce(scheduler, HELD, held.slice(HELD_JOBS / 2), outageMs * 1.2),
    ])
    await SCENARIOS[scenario].strike(ground)
    const backAfterMs = await workers.nextRun()
    const produced = await producing
    await finals.reached(WORK, jobs, PATIENCE_MS)
    const lastedMs = performance.now() - struckAt

    const resumedAt = Date.now()
    await scheduler.resume(HELD)
    await finals.reached(HELD, HELD_JOBS, PATIENCE_MS)
    // what the broker would deliver once more comes when its leases end
    await finals.reached(WORK, Number.POSITIVE_INFINITY, LEASE_MS * 1.5)
    const brokenWorkers = (await workers.stop()) + workers.deaths
    const tally = tallyOf({
      accepted: { [WORK]: work, [HELD]: held },
      runs: readRuns(plan.folder),
      finals: await finals.read(),
      resumedAt,
    })
    return {
      ...tally,
      scenario,
      rejected: produced[0].rejected + produced[1].rejected,
      slowestEnqueueMs: Math.max(...produced.map(({ slowestMs }) => slowestMs)),
      backAfterMs,
      lastedMs,
      brokenWorkers,
      good:
        !hasFaults(tally) &&
        brokenWorkers === 0 &&
        (tally.deadLetters === 0 || scenario === 'workers-killed'),
    }
  } finally {
    await scheduler.stop()
    await finals.close()
  }
}

function idsOf(type: string, count: number): string[] {
  return Array.from({ length: count }, (_, index) => `${type}-${index}`)
}
