import {
  MAX_BATCH,
  OPERATION_DEADLINE_MS,
  type SweepLimits,
  type SweepReport,
} from '../../contracts/job-store.ts'
import { BROKER_ROW, type BrokerRow } from './broker-row.ts'
import { markSent, publicationOf } from './dispatcher.ts'
import { groupBy } from './in-parallel.ts'
import { endOf, isJobRow, type JobRow } from './job-row.ts'
import type { ComposedParts } from './parts.ts'
import { Unreadable } from './record-table.ts'
import { quietly, takeBack } from './take-back.ts'
import { finishOf } from './tallies.ts'
import { crashed, finished, forgotten } from './transitions.ts'

/** A job that is not marked `sent` so long after it was made was perhaps never published. */
const DISPATCH_GRACE_MS = 2_000
/** Whatever was sent to the storage so long ago it has done, or will never do. */
const LONGEST_CALL_MS = 2 * OPERATION_DEADLINE_MS
/** Most batches looked at in a round, each with all of its jobs. */
const MOST_BATCHES = 20
/** A job overdue for so long may have been lost by the broker. */
const AUDIT_GRACE_MS = 5_000
/** Most jobs read at once. */
const PAGE = 500
/** Most running jobs that a round looks at: few of a healthy cluster's are another round, which looks at everything else as well. */
const MOST_RUNNING = 10_000

/** Progress of a rebuild: the incarnation it is for, and the last id that was replayed. */
interface Rebuild {
  readonly incarnation: string
  readonly after: string | null
}

/**
 * What makes storage and broker agree again, round by round, each bounded, going on where the last one ended: rebuild after the broker
 * lost its data, dead workers, jobs that were never published, expired ones, lost ones, and pruning. Two at once do no harm: every
 * write is a compare-and-set, every publish idempotent.
 */
export class Reconciler {
  readonly #parts: ComposedParts
  #rebuild: Rebuild | undefined
  /** The incarnation of the broker as of the last look, if nothing was left to replay. */
  #settledFor: string | undefined
  #runningAfter: string | null = null
  #auditAfter: string | null = null
  #batchesAfter: string | null = null
  #round: Promise<unknown> = Promise.resolve()

  constructor(parts: ComposedParts) {
    this.#parts = parts
  }

  /**
   * Over a storage without jobs the broker has lost nothing, whatever it is: that is noted, so that the first round does not replay what
   * is enqueued until then. Before any job is inserted through this store.
   */
  async begin(): Promise<void> {
    const { jobs, queues, reconciler } = this.#parts
    if (await this.#readOwn()) return
    const { rows } = await jobs.page(undefined, 1, null)
    if (rows.length > 0) return
    await this.#brokerStep(async () => {
      const incarnation = await queues.incarnation()
      if (incarnation !== undefined) await reconciler.insert([this.#row(incarnation, undefined)])
    })
  }

  /** Rejects as the storage does; what the broker refuses is logged and tried again in the next round. */
  sweep(limits: SweepLimits): Promise<SweepReport> {
    return this.#inTurn(() => this.#sweep(limits))
  }

  /**
   * What jobs wait for: a broker that lost its data is filled again, and what was never published is. True: there is more to do. While
   * all is well it costs one call to the broker and two to the storage. Rejects as the storage does.
   */
  tend(): Promise<boolean> {
    return this.#inTurn(async () => {
      const rebuilding = await this.#brokerStep(() => this.#rebuildRound(PAGE))
      const dispatched = await this.#brokerStep(() => this.#dispatchRound(PAGE))
      const batches = await this.#brokerStep(() => this.#batchRound())
      return rebuilding === true || (dispatched ?? 0) >= PAGE || batches === true
    })
  }

  /** A node's rounds share their cursors: one after the other. */
  #inTurn<T>(round: () => Promise<T>): Promise<T> {
    const result = this.#round.then(round)
    this.#round = result.catch(() => undefined)
    return result
  }

  async #sweep({ limit = MAX_BATCH, graceMs = 0 }: SweepLimits): Promise<SweepReport> {
    const { workers, types, tallies, health } = this.#parts
    const rebuilding = await this.#brokerStep(() => this.#rebuildRound(limit))
    const dead = await workers.declareDead(limit, graceMs, ({ leaseMs }) => health.couldRenew(leaseMs))
    const { recovered, failed } = await this.#takeBackRound(limit)
    const dispatched = await this.#brokerStep(() => this.#dispatchRound(limit))
    const batches = await this.#brokerStep(() => this.#batchRound())
    const expired = await this.#expireRound(limit)
    await this.#brokerStep(() => this.#auditRound(limit))
    const pruned = await this.#pruneRound(limit)
    await this.#brokerStep(() => types.replay(false))
    await tallies.fold(limit)
    const more =
      rebuilding === true ||
      batches === true ||
      this.#runningAfter !== null ||
      [dead.length, dispatched ?? 0, expired, pruned.changed].some((count) => count >= limit)
    return { more, dead, recovered, crashed: failed, expired, pruned: pruned.total }
  }

  /** The broker's data is another than it was: pause flags first, then every unfinished job. True while there is more to replay. */
  async #rebuildRound(limit: number): Promise<boolean> {
    const { queues, reconciler, types, jobs, quiet } = this.#parts
    const incarnation = await queues.incarnation()
    quiet.sawIncarnation(incarnation)
    if (incarnation === undefined || incarnation === this.#settledFor) return false
    const known = await this.#readOwn()
    if (known?.incarnation === incarnation) {
      this.#rebuild = undefined
      this.#settledFor = incarnation
      return false
    }
    if (this.#rebuild?.incarnation !== incarnation) {
      if (known)
        this.#parts.logger.warn('the broker lost its data; its queues are made anew from the storage')
      await types.replay(true)
      this.#rebuild = { incarnation, after: null }
    }
    const filter = { state: { $in: ['pending', 'running'] } }
    const { rows, next } = await jobs.page(filter, Math.min(limit, PAGE), this.#rebuild.after)
    await this.#publish(rows.filter(isJobRow))
    this.#rebuild = { incarnation, after: next }
    if (next !== null) return true
    const row = this.#row(incarnation, known)
    await (known ? reconciler.replace([row]) : reconciler.insert([row]))
    this.#rebuild = undefined
    return false
  }

  /** Every running job whose worker was declared dead, whenever that was, or is unknown. */
  async #takeBackRound(limit: number): Promise<{ recovered: number; failed: number }> {
    const { jobs, workers } = this.#parts
    let recovered = 0
    let failed = 0
    const size = Math.min(PAGE, limit)
    for (let read = 0; read < MOST_RUNNING && recovered + failed < limit; read += size) {
      const { rows, next } = await jobs.page({ state: 'running' }, size, this.#runningAfter)
      const running = rows.filter(isJobRow)
      const living = await workers.living(running.map(({ worker = '' }) => worker))
      const orphans = running.filter(({ worker = '' }) => !living.has(worker))
      const now = this.#parts.now()
      const stored = await takeBack(this.#parts, orphans, (row) => crashed(row, now))
      recovered += stored.filter(({ state }) => state === 'pending').length
      failed += stored.filter((row) => endOf(row) === 'failed').length
      this.#runningAfter = next
      if (next === null) break
    }
    return { recovered, failed }
  }

  /** Jobs whose publish nobody vouches for. Without compare-and-set the audit alone looks after them. */
  async #dispatchRound(limit: number): Promise<number> {
    const { jobs } = this.#parts
    if (!jobs.fenced) return 0
    const before = this.#parts.now() - DISPATCH_GRACE_MS
    const filter = { dispatch: 'pending', createdAt: { $lt: before } }
    const rows = (await jobs.find(filter, { limit })).filter(isJobRow)
    await this.#publish(rows)
    await markSent(jobs, rows)
    return rows.length
  }

  /**
   * Batches that were not closed: their processes died, or publish slowly. A save without an answer may still come, so they stay a while; what
   * comes later yet is found by the audit. True while there are more.
   */
  async #batchRound(): Promise<boolean> {
    const { batches, jobs } = this.#parts
    if (!jobs.fenced) return false
    const before = this.#parts.now() - DISPATCH_GRACE_MS
    const { rows, next } = await batches.page(before, MOST_BATCHES, this.#batchesAfter)
    for (const { id, createdAt } of rows) {
      const all = await this.#publishBatch(id)
      if (all && createdAt < before - LONGEST_CALL_MS) await batches.close(id)
    }
    this.#batchesAfter = next
    return next !== null
  }

  /** True when the broker has all of it. Those beyond what core inserts in a call come once others were claimed. */
  async #publishBatch(id: string): Promise<boolean> {
    let after: string | null = null
    for (let read = 0; read <= MAX_BATCH; read += PAGE) {
      const { rows, next } = await this.#parts.jobs.page({ dispatch: id }, PAGE, after)
      await this.#publish(rows.filter(isJobRow))
      if (next === null) return true
      after = next
    }
    return false
  }

  async #expireRound(limit: number): Promise<number> {
    const { jobs, queues, tallies } = this.#parts
    const now = this.#parts.now()
    const rows = (await jobs.find({ state: 'pending', expiresAt: { $lte: now } }, { limit })).filter(isJobRow)
    const next = rows.map((row) => finished(row, 'failed', now, { reason: 'expired' }))
    const answers = await jobs.replace(next)
    const stored = next.filter((_, index) => answers[index])
    tallies.add(stored.flatMap((row) => finishOf(row)))
    await quietly(this.#parts, 'expired jobs stay in the broker until they are claimed', () =>
      queues.remove(stored),
    )
    return stored.length
  }

  /** Overdue jobs that the broker does not have are published; on from where the last round ended, so that none starves. */
  async #auditRound(limit: number): Promise<void> {
    const { jobs, queues } = this.#parts
    const filter = { state: 'pending', runAt: { $lt: this.#parts.now() - AUDIT_GRACE_MS } }
    const { rows, next } = await jobs.page(filter, Math.min(limit, PAGE), this.#auditAfter)
    for (const [type, group] of groupBy(rows.filter(isJobRow), (row) => row.type)) {
      const absent = await queues.absent(
        type,
        group.map(({ id }) => id),
      )
      await this.#publish(group.filter(({ id }) => absent.has(id)))
    }
    this.#auditAfter = next
  }

  /** By age and by count; a record whose id must stay known becomes one that says just that. */
  async #pruneRound(limit: number): Promise<{ total: number; changed: number }> {
    const { jobs, counts, tallies, workers } = this.#parts
    const now = this.#parts.now()
    const deleted = await jobs.prune(now)
    const aged = (await jobs.find({ keepUntil: { $lte: now } }, { limit })).filter(isJobRow)
    const answers = await jobs.replace(aged.map((row) => forgotten(row, now)))
    const trimmed = await counts.trim(await tallies.read(), limit, now)
    await workers.prune()
    const changed = answers.filter(Boolean).length + trimmed
    return { total: deleted + changed, changed }
  }

  async #publish(rows: readonly JobRow[]): Promise<void> {
    const now = this.#parts.now()
    if (rows.length > 0) await this.#parts.queues.publish(rows.map((row) => publicationOf(row, now)))
  }

  /** A broker that is down does not keep the storage from being looked after. Undefined: it failed. */
  async #brokerStep<T>(step: () => Promise<T>): Promise<T | undefined> {
    let result: T | undefined
    await quietly(
      this.#parts,
      'the broker could not be brought up to date; the next sweep tries again',
      async () => {
        result = await step()
      },
    )
    return result
  }

  #row(incarnation: string, known: BrokerRow | undefined): BrokerRow {
    const rev = known ? known.rev + 1 : this.#parts.revisions.next()
    return { id: BROKER_ROW, incarnation, finishedAt: null, rev }
  }

  async #readOwn(): Promise<BrokerRow | undefined> {
    const [row] = await this.#parts.reconciler.read([BROKER_ROW])
    if (row instanceof Unreadable) throw row.error
    return row ?? undefined
  }
}
