// The real runtime under faults drawn from a seed: nodes freeze, lose the network or replies, stop and are replaced, leaders included.
// What must hold: no acknowledged job is lost, none runs that was not enqueued, each is completed at most once as its listeners see
// it, and every run beyond the first is accounted for by a worker's death, a failure, or a stop.
import { defineJob } from '@sched/core'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { Cluster, type Node, STORE_KINDS, type StoreKind } from './cluster.support.ts'

const SEEDS = Array.from({ length: 12 }, (_, seed) => seed + 1)
const FAST = {
  jobLockTTL: 3_000,
  workerHeartbeatInterval: 1_000,
  leaderLockTTL: 3_000,
  workerInactiveCheckInterval: 1_000,
  expiredJobCheckInterval: 1_000,
  jobSchedulingInterval: 1_000,
  jobProcessingInterval: 1_000,
  shutdownTimeout: 500,
  maxConcurrentJobs: 4,
} as const

/** mulberry32: small, seeded, and good enough to draw faults. */
function randomOf(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}

class Simulation {
  readonly cluster: Cluster
  readonly runs: Map<string, number> = new Map()
  readonly completed: Map<string, number> = new Map()
  readonly interrupted: Map<string, number> = new Map()
  readonly acknowledged: Set<string> = new Set()
  readonly unknown: Set<string> = new Set()
  readonly occurrences: Map<number, number> = new Map()
  readonly #random: () => number
  nodes: Node<readonly never[]>[] = []
  #serial = 0

  constructor(kind: StoreKind, seed: number) {
    this.cluster = new Cluster(kind)
    this.#random = randomOf(seed)
  }

  chance(share: number): boolean {
    return this.#random() < share
  }

  pick<T>(items: readonly T[]): T {
    return items[Math.floor(this.#random() * items.length)]!
  }

  async join(): Promise<void> {
    const work = defineJob({
      type: 'work',
      schema: z.object({ ms: z.number() }),
      maxRetries: 50,
      backoffStrategy: { type: 'linear', delay: 100 },
      handle: async ({ ms }, ctx) => {
        count(this.runs, ctx.jobId)
        if (ms > 0) await new Promise<void>((resolve) => this.cluster.clock.after(ms, resolve))
        if (this.chance(0.1)) throw new Error('drawn')
      },
    })
    const limited = defineJob({
      type: 'limited',
      schema: z.object({ ms: z.number() }),
      concurrency: 2,
      handle: async ({ ms }, ctx) => {
        count(this.runs, ctx.jobId)
        await new Promise<void>((resolve) => this.cluster.clock.after(ms, resolve))
      },
    })
    const tick = defineJob({
      type: 'tick',
      maxRetries: 50,
      handle: (_, ctx) => {
        count(this.runs, ctx.jobId)
      },
    })
    const node = this.cluster.node({ jobs: [work, limited, tick], ...FAST, random: this.#random })
    node.scheduler.on('completed', ({ job }) => count(this.completed, job.id))
    node.scheduler.on('interrupted', ({ job }) => count(this.interrupted, job.id))
    this.nodes.push(node as never)
    await node.scheduler.start()
  }

  enqueue(): void {
    const { scheduler } = this.pick(this.nodes)
    const id = `job-${this.#serial++}`
    const type = this.chance(0.2) ? 'limited' : 'work'
    const options = { id, ...(this.chance(0.3) && { delay: Math.floor(this.#random() * 3_000) }) }
    const payload = { ms: this.chance(0.5) ? 0 : Math.floor(this.#random() * 2_500) }
    ;(scheduler.enqueue as (...args: unknown[]) => Promise<string>)(type, payload, options).then(
      () => this.acknowledged.add(id),
      () => this.unknown.add(id),
    )
  }

  /** One fault, which ends after a while. */
  async fault(): Promise<void> {
    const node = this.pick(this.nodes)
    const kind = this.pick(['freeze', 'refuse', 'lose-reply', 'stop', 'none', 'none'] as const)
    const { clock } = this.cluster
    if (kind === 'freeze') {
      node.freeze()
      clock.after(this.#random() * 9_000, () => node.thaw())
    } else if (kind === 'refuse' || kind === 'lose-reply') {
      node.network.break(kind)
      clock.after(this.#random() * 5_000, () => node.network.mend())
    } else if (kind === 'stop' && this.nodes.length > 1) {
      this.nodes = this.nodes.filter((other) => other !== node)
      node.network.mend()
      node.clock.resume()
      void node.scheduler.stop(this.chance(0.5))
      await this.join()
    }
  }
}

function count<K>(counts: Map<K, number>, key: K): void {
  counts.set(key, (counts.get(key) ?? 0) + 1)
}

test.each(STORE_KINDS.flatMap((kind) => SEEDS.map((seed) => [kind, seed] as const)))(
  '%s store, seed %i',
  async (kind, seed) => {
    const simulation = new Simulation(kind, seed)
    const { cluster } = simulation
    for (let i = 0; i < 3; i++) await simulation.join()
    const first = simulation.nodes[0]!.scheduler as unknown as {
      schedule(...args: unknown[]): Promise<unknown>
    }
    await first.schedule('each', 'tick', undefined, { scheduleType: 'interval', scheduleValue: 1_000 })

    for (let step = 0; step < 120; step++) {
      for (let i = 0; i < 3; i++) if (simulation.chance(0.4)) simulation.enqueue()
      if (simulation.chance(0.15)) await simulation.fault()
      await cluster.clock.advance(250)
    }
    for (const node of simulation.nodes) node.thaw()
    await cluster.clock.advance(40_000)

    const looker = cluster.node({ jobs: [defineJob({ type: 'work' })] }).scheduler
    for (const id of simulation.acknowledged) {
      const job = await looker.getJob(id)
      expect(job, `${id} is lost`).not.toBeNull()
      expect(`${id} ${job?.state} ${job?.reason ?? ''}`.trim()).toMatch(/completed|failed crashed/)
      const runs = simulation.runs.get(id) ?? 0
      const excused = job!.crashes + job!.failures + (simulation.interrupted.get(id) ?? 0)
      if (job?.state === 'completed') expect(runs, `${id} never ran`).toBeGreaterThanOrEqual(1)
      expect(runs - 1, `${id} ran ${runs} times: ${JSON.stringify(job)}`).toBeLessThanOrEqual(excused)
    }
    for (const [id, times] of simulation.completed) expect(times, `${id} completed ${times} times`).toBe(1)
    for (const id of simulation.runs.keys())
      if (!id.startsWith('occurrence:'))
        expect(simulation.acknowledged.has(id) || simulation.unknown.has(id), `${id} was not enqueued`).toBe(
          true,
        )

    const { pending, running } = await looker.getMetrics()
    expect(running).toBe(0)
    // the schedule's next occurrence
    expect(pending).toBe(1)
    expect(simulation.acknowledged.size).toBeGreaterThan(40)
    await cluster.stop()
  },
  60_000,
)
