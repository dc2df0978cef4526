/**
 * One round of a small cluster under faults: processes that insert, claim, settle, beat, sweep and cancel; lines that are cut at random
 * calls; processes that die; a broker that loses everything. When all is calm again, what happened is compared with the log.
 */
import { type ClaimedJob, type Outcome, SchedError } from '@sched/core/adapter'
import { ConformanceError } from '../../check.ts'
import type { Random } from '../../random.ts'
import { BROKER_STEPS, STORAGE_STEPS } from './line.ts'
import { BOOM, type Process, TYPE, type World } from './world.ts'

const LEASE_MS = 3_000
const MAX_RETRIES = 3
const CALM_ROUNDS = 30

interface Worker {
  readonly id: string
  readonly process: Process
  readonly held: Map<string, ClaimedJob>
  /** Outcomes whose answer was lost: they are repeated as they were. */
  readonly unanswered: Map<string, Outcome>
}

export interface RoundOptions {
  readonly world: World
  readonly random: Random
  readonly steps: number
  /** Several workers, and the calls of one, are under way at once, and overtake each other. */
  readonly together: boolean
  /** In front of every id, since rounds may share a server. */
  readonly name: string
  /** Undefined where the target cannot wipe it. */
  readonly wipeBroker: (() => Promise<void>) | undefined
  /** Opens the store of one more process. */
  readonly open: () => Promise<Process>
}

/** What happened, as an outside observer may log it. */
class Log {
  readonly acknowledged: Set<string> = new Set()
  readonly asked: Set<string> = new Set()
  readonly runs: Map<string, number> = new Map()
  readonly fences: Map<string, number> = new Map()
  /** Failed attempts, releases, and ends of leases: each allows one more run. */
  readonly excuses: Map<string, number> = new Map()
  readonly ends: Map<string, number> = new Map()
}

export class Round {
  readonly #options: RoundOptions
  readonly #random: Random
  readonly #world: World
  readonly #workers: Worker[] = []
  readonly #log: Log = new Log()
  #jobs = 0
  #lives = 0

  constructor(options: RoundOptions) {
    this.#options = options
    this.#random = options.random
    this.#world = options.world
  }

  /** Rejects with {@link ConformanceError} when what happened does not agree with the log. */
  async run(): Promise<void> {
    for (let count = 0; count < 3; count++) this.#workers.push(await this.#newWorker())
    for (let step = 0; step < this.#options.steps; step++) await this.#step()
    await this.#calmDown()
    await this.#check()
    await Promise.all(this.#workers.map(({ process }) => process.die()))
  }

  async #newWorker(): Promise<Worker> {
    const process = await this.#options.open()
    const worker: Worker = {
      id: this.#name(`w${this.#lives++}`),
      process,
      held: new Map(),
      unanswered: new Map(),
    }
    await process.store.heartbeat({ id: worker.id, leaseMs: LEASE_MS, phase: 'join' }, [])
    if (this.#options.together) {
      const travel = async (): Promise<void> => {
        for (let turns = this.#random.int(0, 5); turns > 0; turns--) await null
      }
      process.storage.travel = travel
      process.broker.travel = travel
    }
    return worker
  }

  #name(text: string): string {
    return `${this.#options.name}-${text}`
  }

  async #step(): Promise<void> {
    const random = this.#random
    const worker = random.pick(this.#workers)
    if (random.bool(0.3)) this.#cut(worker.process)
    if (this.#options.wipeBroker && random.bool(0.02)) await this.#options.wipeBroker()
    if (random.bool(0.3)) await this.#world.pass(random.next() * LEASE_MS * 0.6)
    if (!this.#options.together) return this.#try(() => this.#act(worker))
    // one call of each kind at a time, as a process makes them
    const actions = this.#workers.flatMap((one) => [
      () => this.#work(one),
      () => (random.bool(0.3) ? this.#beat(one) : this.#insert(one)),
      () => (random.bool() ? this.#cancel(one) : one.process.store.sweep({ limit: 20 })),
    ])
    await Promise.all(actions.filter(() => random.bool(0.4)).map((action) => this.#try(action)))
    if (random.bool(0.1)) await this.#die(worker)
  }

  async #try(action: () => Promise<unknown>): Promise<void> {
    try {
      await action()
    } catch (error) {
      if (!(error instanceof SchedError && error.code === 'UNAVAILABLE')) throw error
    }
  }

  #cut({ storage, broker }: Process): void {
    const when = this.#random.bool() ? 'before' : 'after'
    const kill = this.#random.bool(0.1)
    if (this.#random.bool())
      storage.cut({
        step: this.#random.pick(STORAGE_STEPS),
        when,
        kill,
        on: this.#random.pick(['jobs', 'jobs', 'workers', 'tallies']),
      })
    else broker.cut({ step: this.#random.pick(BROKER_STEPS), when, kill })
  }

  async #act(worker: Worker): Promise<void> {
    const action = this.#random.next()
    if (action < 0.2) await this.#insert(worker)
    else if (action < 0.5) await this.#work(worker)
    else if (action < 0.75) await this.#beat(worker)
    else if (action < 0.85) await worker.process.store.sweep({ limit: 20 })
    else if (action < 0.9) await this.#die(worker)
    else if (action < 0.95) await this.#cancel(worker)
  }

  async #insert({ process }: Worker): Promise<void> {
    const jobs = Array.from({ length: this.#random.int(1, 4) }, () =>
      this.#world.job(this.#name(`job-${this.#jobs++}`), {
        maxRetries: MAX_RETRIES,
        maxCrashes: 1_000,
        ...(this.#random.bool(0.3) ? { delayMs: this.#random.int(0, LEASE_MS) } : {}),
      }),
    )
    for (const { id } of jobs) this.#log.asked.add(id)
    const answers = await process.store.insert(jobs)
    same(
      answers,
      jobs.map(() => 'inserted'),
      'the answer to an insert of new ids',
    )
    for (const { id } of jobs) this.#log.acknowledged.add(id)
  }

  async #work(worker: Worker): Promise<void> {
    const outcomes: Outcome[] = []
    for (const claimed of worker.held.values()) {
      const repeated = worker.unanswered.get(claimed.id)
      if (repeated) outcomes.push(repeated)
      else if (this.#random.bool(0.6)) outcomes.push(this.#outcomeOf(claimed))
    }
    const want = { worker: worker.id, limit: this.#random.int(1, 5), types: [{ type: TYPE }] }
    const { settled, jobs } = await worker.process.store.settle(outcomes, want).catch((error: unknown) => {
      // any of them may have been applied
      for (const outcome of outcomes) {
        worker.unanswered.set(outcome.id, outcome)
        add(this.#log.excuses, outcome.id)
      }
      throw error
    })
    for (const [index, outcome] of outcomes.entries()) this.#settled(worker, outcome, settled[index]!)
    for (const claimed of jobs) this.#started(worker, claimed)
  }

  #outcomeOf({ id, token }: ClaimedJob): Outcome {
    const kind = this.#random.next()
    if (kind < 0.6) return { id, token, kind: 'complete' }
    if (kind < 0.8) return { id, token, kind: 'retry', delayMs: this.#random.int(0, 500), error: BOOM }
    if (kind < 0.9) return { id, token, kind: 'release' }
    return { id, token, kind: 'snooze', delayMs: 100 }
  }

  #settled(worker: Worker, { id, kind }: Outcome, answer: 'ok' | 'stale'): void {
    worker.held.delete(id)
    worker.unanswered.delete(id)
    // stale: its lease ended
    add(answer === 'ok' && kind === 'complete' ? this.#log.ends : this.#log.excuses, id)
  }

  #started(worker: Worker, claimed: ClaimedJob): void {
    const { asked, ends, fences, runs } = this.#log
    const { id, fence } = claimed
    if (!asked.has(id)) wrong('what is claimed', 'an id that was inserted', id)
    if ((ends.get(id) ?? 0) > 0) wrong(`${id}, the end of which was accepted`, 'no further run', 'one')
    if (fence <= (fences.get(id) ?? 0))
      wrong(`the fence of ${id}`, `more than ${fences.get(id)}, that of the claim before`, String(fence))
    if (claimed.attempt < 1) wrong(`the attempt of ${id}`, 'at least 1', String(claimed.attempt))
    if (worker.held.has(id)) wrong(`${id}, which ${worker.id} holds`, 'not to be given to it again', 'it was')
    fences.set(id, fence)
    add(runs, id)
    worker.held.set(id, claimed)
  }

  async #beat(worker: Worker): Promise<void> {
    const held = [...worker.held.values()].map(({ id, token }) => ({ id, token }))
    const report = { id: worker.id, leaseMs: LEASE_MS, claimGraceMs: 0 }
    const { alive, lost } = await worker.process.store.heartbeat(report, held)
    if (!alive) return this.#die(worker)
    for (const { id, token } of held) {
      // settled, and perhaps claimed again, since the call began
      if (!lost.includes(id) || worker.held.get(id)?.token !== token) continue
      // settled by a call whose answer was lost
      worker.held.delete(id)
      worker.unanswered.delete(id)
      add(this.#log.excuses, id)
    }
  }

  /** The process ends, and another starts in its place. */
  async #die(worker: Worker): Promise<void> {
    const index = this.#workers.indexOf(worker)
    if (index < 0) return
    for (const id of worker.held.keys()) add(this.#log.excuses, id)
    this.#workers.splice(index, 1)
    await worker.process.die()
    this.#workers.push(await this.#newWorker())
  }

  async #cancel({ process }: Worker): Promise<void> {
    if (this.#jobs === 0) return
    await process.store.change([this.#name(`job-${this.#random.int(0, this.#jobs - 1)}`)], { kind: 'cancel' })
  }

  /** No more faults: everything comes to an end within a bounded time. */
  async #calmDown(): Promise<void> {
    for (const worker of [...this.#workers]) await this.#die(worker)
    const worker = this.#workers[0]!
    const { store } = worker.process
    for (let round = 0; round < CALM_ROUNDS; round++) {
      const { alive } = await store.heartbeat({ id: worker.id, leaseMs: LEASE_MS * 1_000 }, [])
      if (!alive && round > 0) wrong(`${worker.id}, which beats in time`, 'to be alive', 'dead')
      if (!alive) await store.heartbeat({ id: worker.id, leaseMs: LEASE_MS * 1_000, phase: 'join' }, [])
      while ((await store.sweep({})).more);
      const { jobs } = await store.settle([], { worker: worker.id, limit: 100, types: [{ type: TYPE }] })
      for (const claimed of jobs) this.#started(worker, claimed)
      const outcomes = jobs.map(({ id, token }): Outcome => ({ id, token, kind: 'complete' }))
      const { settled } = await store.settle(outcomes)
      for (const [index, outcome] of outcomes.entries()) this.#settled(worker, outcome, settled[index]!)
      if (jobs.length === 0 && (await this.#isOver())) return
      await this.#world.pass(LEASE_MS)
    }
  }

  async #isOver(): Promise<boolean> {
    const records = await this.#workers[0]!.process.store.get([...this.#log.asked])
    return records.every(
      (record) => record === null || (record.state !== 'pending' && record.state !== 'running'),
    )
  }

  async #check(): Promise<void> {
    const { acknowledged, ends, excuses, runs } = this.#log
    const ids = [...acknowledged]
    const records = await this.#workers[0]!.process.store.get(ids)
    for (const [index, id] of ids.entries()) {
      const state = records[index]?.state
      if (state === undefined || state === 'pending' || state === 'running')
        wrong(`${id}, which was accepted`, 'to come to an end', state ?? 'no record')
      const ended = ends.get(id) ?? 0
      if (ended > 1) wrong(`the accepted ends of ${id}`, 'at most one', String(ended))
      const ran = runs.get(id) ?? 0
      const allowed = 1 + (excuses.get(id) ?? 0)
      if (ran > allowed)
        wrong(`the runs of ${id}`, `at most ${allowed}, by what failed and what died`, String(ran))
    }
  }
}

function add(map: Map<string, number>, id: string): void {
  map.set(id, (map.get(id) ?? 0) + 1)
}

function same(actual: readonly unknown[], expected: readonly unknown[], what: string): void {
  const [seen, wanted] = [actual.join(), expected.join()]
  if (seen !== wanted) wrong(what, wanted, seen)
}

function wrong(what: string, expected: string, seen: string): never {
  throw new ConformanceError(what, expected, seen)
}
