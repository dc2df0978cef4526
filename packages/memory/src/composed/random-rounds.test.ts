/**
 * Seeded rounds of the composed store under faults on both lines, dying workers and a flushed broker. After each: no acknowledged job
 * lost, at most one accepted end a job, never more runs than the log accounts for, and nothing left over.
 */

import { type ClaimedJob, type Outcome, SchedError } from '@sched/core/adapter'
import { describe, expect, test } from 'vitest'
import type { Fault } from './faults.ts'
import { BOOM, type ComposedNode, job, LEASE_MS, TYPE, WAYS, World } from './world.ts'

const SEEDS = Number(process.env.SCHED_ROUNDS ?? 40)
const STEPS = 120
const MAX_RETRIES = 3

/** mulberry32 */
function randomOf(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
}

const FAULTS: readonly Omit<Fault, 'when'>[] = [
  ...['compareAndSet', 'compareAndSetMany', 'patchMany', 'get', 'getMany', 'page', 'list', 'prune'].map(
    (method) => ({
      method,
      on: 'jobs',
    }),
  ),
  { method: 'compareAndSet', on: 'workers' },
  { method: 'get', on: 'workers' },
  { method: 'compareAndSet', on: 'tallies' },
]
const BROKER_FAULTS: readonly string[] = [
  'publishMany',
  'claimLeases',
  'ackMany',
  'nackMany',
  'extendMany',
  'has',
  'nextDueIn',
]

interface Worker {
  id: string
  readonly node: ComposedNode
  readonly held: Map<string, ClaimedJob>
  /** Outcomes whose answer was lost: they are repeated as they were. */
  readonly unanswered: Map<string, Outcome>
}

/** What happened, as an outside observer may log it. */
class Log {
  readonly acknowledged: Set<string> = new Set()
  readonly unknown: Set<string> = new Set()
  readonly runs: Map<string, number> = new Map()
  readonly fences: Map<string, number> = new Map()
  /** Failed attempts, releases, and ends of leases: each allows one more run. */
  readonly excuses: Map<string, number> = new Map()
  readonly ended: Map<string, number> = new Map()

  add(map: Map<string, number>, id: string): void {
    map.set(id, (map.get(id) ?? 0) + 1)
  }
}

class Round {
  readonly #random: () => number
  readonly #world: World = new World()
  readonly #workers: Worker[] = []
  readonly #log: Log = new Log()
  #jobs = 0
  #lives = 0

  /** `together`: several workers, and a worker's own calls, are under way at once, their requests overtaking each other. */
  constructor(
    seed: number,
    readonly together: boolean,
  ) {
    this.#random = randomOf(seed)
  }

  async run(): Promise<void> {
    for (let count = 0; count < 3; count++) this.#workers.push(await this.#newWorker())
    for (let step = 0; step < STEPS; step++) await this.#step()
    await this.#calmDown()
    await this.#check()
  }

  #chance(probability: number): boolean {
    return this.#random() < probability
  }

  #pick<T>(items: readonly T[]): T {
    return items[Math.floor(this.#random() * items.length)]!
  }

  async #newWorker(): Promise<Worker> {
    const worker: Worker = {
      id: `w#${this.#lives++}`,
      // nodes that change jobs in either way meet
      node: await this.#world.node(this.#pick(WAYS)),
      held: new Map(),
      unanswered: new Map(),
    }
    await worker.node.store.heartbeat({ id: worker.id, leaseMs: LEASE_MS, phase: 'join' }, [])
    if (this.together) {
      const travel = async () => {
        for (let turns = Math.floor(this.#random() * 6); turns > 0; turns--) await Promise.resolve()
      }
      worker.node.storage.travel = travel
      worker.node.broker.travel = travel
    }
    return worker
  }

  async #step(): Promise<void> {
    const worker = this.#pick(this.#workers)
    if (this.#chance(0.25)) this.#cut(worker.node)
    if (this.#chance(0.02)) await this.#world.flush()
    if (this.#chance(0.3)) await this.#world.clock.advance(Math.floor(this.#random() * LEASE_MS * 0.6))
    if (!this.together) return this.#try(() => this.#act(worker))
    // one call of each kind at a time, as a process makes them
    const actions = this.#workers.flatMap((one) => [
      () => this.#work(one),
      () => (this.#chance(0.3) ? this.#beat(one) : this.#insert(one)),
      () => (this.#chance(0.5) ? this.#cancel(one) : one.node.store.sweep({ limit: 20 })),
    ])
    await Promise.all(actions.filter(() => this.#chance(0.5)).map((action) => this.#try(action)))
    if (this.#chance(0.05)) await this.#die(worker)
  }

  async #try(action: () => Promise<unknown>): Promise<void> {
    try {
      await action()
    } catch (error) {
      if (!(error instanceof SchedError && error.code === 'UNAVAILABLE')) throw error
    }
  }

  #cut({ storage, broker }: ComposedNode): void {
    const when = this.#chance(0.5) ? 'before' : 'after'
    if (this.#chance(0.5)) storage.cut({ ...this.#pick(FAULTS), when })
    else broker.cut({ method: this.#pick(BROKER_FAULTS), when })
  }

  async #act(worker: Worker): Promise<void> {
    const action = this.#random()
    if (action < 0.2) await this.#insert(worker)
    else if (action < 0.5) await this.#work(worker)
    else if (action < 0.75) await this.#beat(worker)
    else if (action < 0.85) await worker.node.store.sweep({ limit: 20 })
    else if (action < 0.9) await this.#die(worker)
    else if (action < 0.95) await this.#cancel(worker)
  }

  async #insert({ node }: Worker): Promise<void> {
    const jobs = Array.from({ length: 1 + Math.floor(this.#random() * 4) }, () =>
      job(`job-${this.#jobs++}`, {
        maxRetries: MAX_RETRIES,
        maxCrashes: 1_000,
        ...(this.#chance(0.3) ? { delayMs: Math.floor(this.#random() * LEASE_MS) } : {}),
      }),
    )
    for (const { id } of jobs) this.#log.unknown.add(id)
    const answers = await node.store.insert(jobs)
    expect(answers).toEqual(jobs.map(() => 'inserted'))
    for (const { id } of jobs) this.#log.acknowledged.add(id)
  }

  async #work(worker: Worker): Promise<void> {
    const outcomes: Outcome[] = []
    for (const claimed of worker.held.values()) {
      const repeated = worker.unanswered.get(claimed.id)
      if (repeated) outcomes.push(repeated)
      else if (this.#chance(0.6)) outcomes.push(this.#outcomeOf(claimed))
    }
    const want = { worker: worker.id, limit: 1 + Math.floor(this.#random() * 5), types: [{ type: TYPE }] }
    const { settled, jobs } = await worker.node.store.settle(outcomes, want).catch((error: unknown) => {
      // any of them may have been applied
      for (const outcome of outcomes) {
        worker.unanswered.set(outcome.id, outcome)
        this.#log.add(this.#log.excuses, outcome.id)
      }
      throw error
    })
    for (const [index, outcome] of outcomes.entries()) this.#settled(worker, outcome, settled[index]!)
    for (const claimed of jobs) this.#started(worker, claimed)
  }

  #outcomeOf({ id, token }: ClaimedJob): Outcome {
    const kind = this.#random()
    if (kind < 0.6) return { id, token, kind: 'complete' }
    if (kind < 0.8)
      return { id, token, kind: 'retry', delayMs: Math.floor(this.#random() * 500), error: BOOM }
    if (kind < 0.9) return { id, token, kind: 'release' }
    return { id, token, kind: 'snooze', delayMs: 100 }
  }

  #settled(worker: Worker, { id, kind }: Outcome, answer: 'ok' | 'stale'): void {
    worker.held.delete(id)
    worker.unanswered.delete(id)
    // stale: its lease ended
    if (answer === 'ok' && kind === 'complete') this.#log.add(this.#log.ended, id)
    else this.#log.add(this.#log.excuses, id)
  }

  #started(worker: Worker, { id, fence, ...rest }: ClaimedJob): void {
    const { log } = { log: this.#log }
    expect(log.unknown.has(id)).toBe(true)
    expect(log.ended.get(id) ?? 0, `${id} starts after its end was accepted`).toBe(0)
    expect(fence).toBeGreaterThan(log.fences.get(id) ?? 0)
    expect(rest.attempt).toBeGreaterThan(0)
    expect(worker.held.has(id)).toBe(false)
    log.fences.set(id, fence)
    log.add(log.runs, id)
    worker.held.set(id, { id, fence, ...rest })
  }

  async #beat(worker: Worker): Promise<void> {
    const held = [...worker.held.values()].map(({ id, token }) => ({ id, token }))
    const report = { id: worker.id, leaseMs: LEASE_MS, claimGraceMs: 0 }
    const { alive, lost } = await worker.node.store.heartbeat(report, held)
    if (!alive) return this.#die(worker)
    for (const { id, token } of held) {
      // settled, and perhaps claimed again, since the call began
      if (!lost.includes(id) || worker.held.get(id)?.token !== token) continue
      // settled by a call whose answer was lost
      worker.held.delete(id)
      worker.unanswered.delete(id)
      this.#log.add(this.#log.excuses, id)
    }
  }

  /** The process ends, and starts again under a fresh id. */
  async #die(worker: Worker): Promise<void> {
    for (const id of worker.held.keys()) this.#log.add(this.#log.excuses, id)
    const index = this.#workers.indexOf(worker)
    if (index < 0) return
    this.#workers.splice(index, 1)
    await worker.node.store.close!()
    this.#workers.push(await this.#newWorker())
  }

  async #cancel({ node }: Worker): Promise<void> {
    if (this.#jobs > 0)
      await node.store.change([`job-${Math.floor(this.#random() * this.#jobs)}`], { kind: 'cancel' })
  }

  /** No more faults: everything comes to an end within a bounded time. */
  async #calmDown(): Promise<void> {
    for (const worker of [...this.#workers]) await this.#die(worker)
    const worker = this.#workers[0]!
    for (let round = 0; round < 60; round++) {
      await this.#world.clock.advance(1_000)
      expect(await worker.node.store.heartbeat({ id: worker.id, leaseMs: LEASE_MS }, [])).toMatchObject({
        alive: true,
      })
      while ((await worker.node.store.sweep({})).more);
      const { jobs } = await worker.node.store.settle([], {
        worker: worker.id,
        limit: 100,
        types: [{ type: TYPE }],
      })
      for (const claimed of jobs) this.#started(worker, claimed)
      const outcomes = jobs.map(({ id, token }): Outcome => ({ id, token, kind: 'complete' }))
      const { settled } = await worker.node.store.settle(outcomes)
      for (const [index, outcome] of outcomes.entries()) this.#settled(worker, outcome, settled[index]!)
    }
  }

  async #check(): Promise<void> {
    const { store } = this.#workers[0]!.node
    const counts = (await store.counts()).types[TYPE]
    if (this.#log.acknowledged.size > 0) expect(counts).toMatchObject({ pending: 0, running: 0 })
    const ids = [...this.#log.acknowledged]
    const records = await store.get(ids)
    for (const [index, id] of ids.entries()) {
      expect(records[index]?.state, `${id} came to an end`).toMatch(/^(completed|failed|cancelled)$/)
      expect(this.#log.ended.get(id) ?? 0, `ends of ${id}`).toBeLessThanOrEqual(1)
      const runs = this.#log.runs.get(id) ?? 0
      expect(runs - 1, `runs of ${id}`).toBeLessThanOrEqual(this.#log.excuses.get(id) ?? 0)
    }
    // what the broker still has is of ended jobs; one round over it empties it
    const left = await this.#world.queues.size(`s:p:e:${TYPE}`)
    expect([left.leased, left.waiting]).toEqual([0, 0])
  }
}

describe('the composed store under faults', () => {
  const seeds = Array.from({ length: SEEDS }, (_, seed) => seed)

  test.each(seeds)('one call after the other, seed %i', async (seed) => {
    await new Round(seed, false).run()
  })

  test.each(seeds)('many calls at once, seed %i', async (seed) => {
    await new Round(seed, true).run()
  })
})
