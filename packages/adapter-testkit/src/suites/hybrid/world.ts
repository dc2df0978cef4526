/**
 * What the hybrid cases play in: one storage server and one broker server, and processes that work over them, each with a composed job
 * store and lines of its own that a case can cut.
 *
 * Times in a case are the world's. Where the target's clock can be moved they pass at once and exactly; else the world runs several times
 * as fast as the servers, and only what must come is waited for.
 */
import {
  type ClaimedJob,
  type ClaimType,
  type HeartbeatReply,
  type IBrokerEngine,
  type JobError,
  type JobRecord,
  type JobStore,
  type Logger,
  type NewJob,
  namespacedBroker,
  type Outcome,
  openJobStore,
  scopeOf,
} from '@sched/core/adapter'
import { type Context, type Fit, LONG, type Node } from '../../case.ts'
import { type Life, Line } from './line.ts'
import { ownPace, type Pace, quickPace } from './pace.ts'

export const TYPE = 'mail'
export const BOOM: JobError = { name: 'Error', message: 'boom' }
/** How long core leaves the publish of a job to the process that made it, and an overdue one to the broker. */
export const DISPATCH_GRACE_MS = 2_000
export const AUDIT_GRACE_MS = 5_000
/** After this a missing record is looked for again, and a storage that failed is tried again. */
export const SECOND_LOOK_MS = 1_000

const SCOPE = scopeOf({ product: 'testkit', project: 'a:b%', environment: 'te*st' })
/** The world's second takes at least this many real milliseconds, and a shortest lease this many of the world's. */
const QUICKEST = 12
const LEASE_MS = 2_500
/** A process that measures a server's clock on a busy machine may be off by so many real milliseconds. */
const SERVER_TIME_ERROR_MS = 80
const ROUNDS = 60

export interface Process {
  readonly store: JobStore
  readonly storage: Line
  readonly broker: Line
  /** What its store warned of. */
  readonly warnings: string[]
  /** Ends it without a word. */
  die(): Promise<void>
}

export type OutcomeOf = Outcome extends infer O
  ? O extends Outcome
    ? Omit<O, 'id' | 'token'>
    : never
  : never

/** What sweeps reported, summed up. */
export interface Swept {
  readonly dead: string[]
  recovered: number
  crashed: number
  rounds: number
}

/** A worker whose lease ends soon, and the jobs that were inserted for it. */
export interface Mortal {
  readonly worker: string
  readonly leaseMs: number
  readonly ids: readonly string[]
}

/** Where a world is, if not at the case's first node. */
export interface Place {
  readonly node?: Node
  readonly namespace?: string
  readonly scope?: string
}

export class World {
  readonly context: Context
  /** Whether time stands still unless it is moved. */
  readonly exact: boolean
  readonly #factor: number
  readonly #pace: Pace
  readonly #place: Required<Place>
  #mortals = 0

  constructor(context: Context, place: Place = {}) {
    const { node, namespace } = context
    this.context = context
    this.#place = { node, namespace, scope: SCOPE, ...place }
    this.exact = context.has('hook.advance')
    this.#factor = this.exact ? 1 : Math.max(1, Math.min(QUICKEST, LEASE_MS / context.ttl))
    this.#pace = this.exact ? ownPace(context.clock) : quickPace(this.#factor)
  }

  /** A process over the adapters of the node; of its own by default. */
  async process(node: Node = this.#place.node): Promise<Process> {
    const life: Life = { dead: false }
    const note = (text: string): void => this.context.note(text)
    const storage = new Line(life, note)
    const broker = new Line(life, note)
    const warnings: string[] = []
    const opened = openJobStore({
      adapters: {
        storage: storage.to(this.#pace.storage(node.storage)),
        broker: broker.to(this.#pace.broker(node.broker)),
        lock: this.#pace.lock(node.lock),
      },
      scope: this.#place.scope,
      clock: this.#pace.clock,
      logger: logTo(warnings),
      fuse: false,
    })
    await opened.ready()
    const { store } = opened
    let ended: Promise<void> | undefined
    const die = (): Promise<void> => {
      life.dead = true
      ended ??= Promise.resolve(store.close?.())
      return ended
    }
    this.context.defer(die)
    return { store, storage, broker, warnings, die }
  }

  /** Another process, over a node of its own. */
  async another(): Promise<Process> {
    return this.process(await this.context.open())
  }

  /** The broker as it is, for looking and for meddling. */
  get queues(): IBrokerEngine {
    return namespacedBroker(this.#pace.broker(this.#place.node.broker), this.#place.scope)
  }

  /** A record as it is stored. */
  async stored(id: string): Promise<Readonly<Record<string, unknown>> | null> {
    return this.#place.node.storage.get(`${this.#place.scope}:jobs`, id)
  }

  /** Lets `ms` of the world's pass. */
  async pass(ms: number): Promise<void> {
    await this.context.pass(ms / this.#factor)
  }

  /** Lets a lease or delay that began just now end, and the resolution of the servers. */
  async expire(ms: number): Promise<void> {
    await this.context.expire(ms / this.#factor + (this.exact ? 0 : SERVER_TIME_ERROR_MS))
  }

  /** A little time. */
  async tick(): Promise<void> {
    await this.context.pass(Math.max(this.context.timing.resolutionMs, 20))
  }

  /**
   * Inserts jobs, lets a worker with a short lease join, runs `live`, and then lets that lease end. Where the machine was too slow to
   * get through `live` inside the lease, what was begun is undone, and it is tried again with a longer one, under other names.
   */
  mortal<T>(
    process: Process,
    jobs: readonly NewJob[],
    live: (mortal: Mortal) => Promise<T>,
  ): Promise<Mortal & { readonly value: T }> {
    return this.context.fits(async (fit: Fit) => {
      const named = jobs.map((job) => ({ ...job, id: fit.name(job.id) }))
      const ids = named.map(({ id }) => id)
      const leaseMs = Math.ceil(fit.ttl * this.#factor)
      const mortal: Mortal = { worker: `mortal-${this.#mortals++}`, leaseMs, ids }
      try {
        await this.insert(process, ...named)
        await this.join(process, mortal.worker, leaseMs)
        const value = await live(mortal)
        fit.live()
        await this.expire(leaseMs)
        return { ...mortal, value }
      } catch (error) {
        await this.#undo(process, mortal)
        throw error
      }
    })
  }

  /** A worker with a short lease claims the jobs, and its lease ends. */
  async orphans(
    process: Process,
    ...jobs: readonly NewJob[]
  ): Promise<Mortal & { readonly jobs: readonly ClaimedJob[] }> {
    const { value, ...mortal } = await this.mortal(process, jobs, ({ worker, ids }) =>
      this.claims(process, worker, ids),
    )
    return { ...mortal, jobs: value }
  }

  async #undo({ store, storage, broker }: Process, { worker, ids }: Mortal): Promise<void> {
    storage.mend()
    broker.mend()
    // by a process that was killed nothing can be undone
    await store.heartbeat({ id: worker, leaseMs: LONG, phase: 'leave' }, []).catch(() => undefined)
    await store.change(ids, { kind: 'cancel' }).catch(() => undefined)
  }

  job(id: string, more: Partial<NewJob> = {}): NewJob {
    return { id, type: TYPE, payload: { of: id }, priority: 0, ...more }
  }

  /** Inserts jobs of which none is known. */
  async insert(process: Process, ...jobs: readonly (NewJob | string)[]): Promise<void> {
    const full = jobs.map((job) => (typeof job === 'string' ? this.job(job) : job))
    this.context.check.equal(
      await process.store.insert(full),
      full.map(() => 'inserted'),
      `insert of ${full.length > 5 ? `${full.length} jobs` : full.map(({ id }) => id).join(', ')}`,
    )
  }

  async join(process: Process, worker: string, leaseMs: number = LONG): Promise<void> {
    const reply = await process.store.heartbeat({ id: worker, leaseMs, phase: 'join' }, [])
    this.context.check.equal(reply.alive, true, `alive in the answer to the first heartbeat of ${worker}`)
  }

  beat(
    process: Process,
    worker: string,
    held: readonly ClaimedJob[] = [],
    more: { readonly leaseMs?: number; readonly claimGraceMs?: number } = {},
  ): Promise<HeartbeatReply> {
    return process.store.heartbeat(
      { id: worker, leaseMs: LONG, ...more },
      held.map(({ id, token }) => ({ id, token })),
    )
  }

  async claim(
    process: Process,
    worker: string,
    limit = 10,
    types: readonly ClaimType[] = [{ type: TYPE }],
  ): Promise<readonly ClaimedJob[]> {
    return (await process.store.settle([], { worker, limit, types })).jobs
  }

  /** Claims until all of `ids` came, sweeping meanwhile if `sweep` is set; fails when others come, or they do not. */
  async claimAll(
    process: Process,
    worker: string,
    ids: readonly string[],
    { sweep = false, types }: { readonly sweep?: boolean; readonly types?: readonly ClaimType[] } = {},
  ): Promise<readonly ClaimedJob[]> {
    const jobs: ClaimedJob[] = []
    for (let round = 0; round < ROUNDS && jobs.length < ids.length; round++) {
      const come = await this.claim(process, worker, ids.length - jobs.length, types)
      jobs.push(...come)
      if (come.length > 0) continue
      if (sweep) await this.sweep(process)
      await this.tick()
    }
    this.context.check.sameMembers(
      jobs.map(({ id }) => id),
      ids,
      `the jobs that ${worker} could claim`,
    )
    return jobs.toSorted((a, b) => ids.indexOf(a.id) - ids.indexOf(b.id))
  }

  /** One call that gives exactly these. */
  async claims(process: Process, worker: string, ids: readonly string[]): Promise<readonly ClaimedJob[]> {
    // what an earlier, too slow round left in the broker takes places, and is cleared away
    const jobs = await this.claim(process, worker, ids.length + 200)
    this.context.check.sameMembers(
      jobs.map(({ id }) => id),
      ids,
      `what ${worker} claims`,
    )
    return jobs.toSorted((a, b) => ids.indexOf(a.id) - ids.indexOf(b.id))
  }

  async claimOne(process: Process, worker: string, id: string): Promise<ClaimedJob> {
    const [job] = await this.claimAll(process, worker, [id])
    return job as ClaimedJob
  }

  async nothingFor(
    process: Process,
    worker: string,
    why: string,
    types?: readonly ClaimType[],
  ): Promise<void> {
    const jobs = await this.claim(process, worker, 10, types)
    this.context.check.equal(
      jobs.map(({ id }) => id),
      [],
      `what ${worker} claims ${why}`,
    )
  }

  /** What the store answers to one outcome. */
  async answerTo(process: Process, job: ClaimedJob, outcome: OutcomeOf): Promise<string | undefined> {
    const { settled } = await process.store.settle([{ ...outcome, id: job.id, token: job.token } as Outcome])
    return settled[0]
  }

  async settle(
    process: Process,
    job: ClaimedJob,
    outcome: OutcomeOf,
    what = `${outcome.kind} of ${job.id}`,
  ): Promise<void> {
    this.context.check.equal(await this.answerTo(process, job, outcome), 'ok', `the answer to ${what}`)
  }

  async record(process: Process, id: string): Promise<JobRecord> {
    const [record] = await process.store.get([id])
    this.context.check.ok(record, `the record of ${id} is there`, record)
    return record as JobRecord
  }

  /** The record of `id` has these fields. */
  async is(process: Process, id: string, wanted: Partial<JobRecord>, when: string): Promise<void> {
    const record = await this.record(process, id)
    const shown = Object.fromEntries(Object.keys(wanted).map((key) => [key, record[key as keyof JobRecord]]))
    this.context.check.equal(shown, wanted, `the record of ${id} ${when}`)
  }

  /**
   * Sweeps until the worker, whose lease ended, was declared dead; what all of them reported. On a busy machine a storage that is merely slow
   * passes for an outage, after which workers have a lease's time to renew.
   */
  async sweepDead(process: Process, worker: string, limit?: number): Promise<Swept> {
    const total: Swept = { dead: [], recovered: 0, crashed: 0, rounds: 0 }
    for (let sweeps = 0; sweeps < ROUNDS && !total.dead.includes(worker); sweeps++) {
      if (sweeps > 0) await this.tick()
      const { dead, recovered, crashed, rounds } = await this.sweep(process, limit)
      total.dead.push(...dead)
      total.recovered += recovered
      total.crashed += crashed
      total.rounds += rounds
    }
    return total
  }

  /** Processes sweep, each of which is killed or cut off at its first look at jobs, until the worker is declared dead. */
  async declare(witness: Process, worker: string, kill: boolean): Promise<Process> {
    const { check } = this.context
    for (let sweeps = 0; ; sweeps++) {
      const sweeper = await this.another()
      sweeper.storage.cut({ step: 'look', on: 'jobs', when: 'before', kill })
      await check.rejects(sweeper.store.sweep({}), 'UNAVAILABLE', 'a sweep that is cut off')
      const dead = (await witness.store.workers()).filter((one) => one.dead).map(({ id }) => id)
      if (dead.includes(worker)) return sweeper
      if (sweeps === 4) check.ok(false, `${worker} is declared dead`, dead)
      await sweeper.die()
      await this.context.pass(this.context.ttl)
    }
  }

  /** Rounds until the store says that there is no more to do. */
  async sweep(process: Process, limit?: number): Promise<Swept> {
    const total: Swept = { dead: [], recovered: 0, crashed: 0, rounds: 0 }
    for (;;) {
      const report = await process.store.sweep(limit === undefined ? {} : { limit })
      total.dead.push(...report.dead)
      total.recovered += report.recovered
      total.crashed += report.crashed
      total.rounds++
      if (!report.more || total.rounds > ROUNDS) return total
    }
  }

  /** The job ends well, once, by a worker that has all the time it needs. */
  async endsWell(process: Process, worker: string, job: ClaimedJob): Promise<void> {
    await this.settle(process, job, { kind: 'complete' })
    await this.is(process, job.id, { state: 'completed' }, `after ${worker} completed it`)
    await this.nothingFor(process, worker, `after ${job.id} ended`)
  }

  /** Whether the broker has the id; undefined where it cannot say. */
  async inBroker(id: string, type: string = TYPE): Promise<boolean | undefined> {
    return this.context.has('broker.has') ? (await this.queues.has!(type, [id]))[0] : undefined
  }

  /** The broker has it, or has it not; not looked at where it cannot say. */
  async brokerHas(id: string, wanted: boolean, when: string): Promise<void> {
    const there = await this.inBroker(id)
    if (there !== undefined) this.context.check.equal(there, wanted, `whether the broker has ${id} ${when}`)
  }

  /** The broker loses everything, as FLUSHALL would make it. */
  async wipeBroker(): Promise<void> {
    this.context.note('the broker loses everything')
    await this.context.target.hooks?.wipeBroker?.(this.#place.namespace)
  }
}

function logTo(warnings: string[]): Logger {
  const keep = (message: string): void => void warnings.push(message)
  return { debug() {}, info() {}, warn: keep, error: keep }
}
