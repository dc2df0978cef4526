import {
  type ChangeAnswer,
  type ClaimRequest,
  checkChange,
  checkClaimRequest,
  checkedQuery,
  checkName,
  checkOutcomes,
  checkSweepLimits,
  checkWorkerReport,
  decodeValue,
  encodeValue,
  type HeartbeatReply,
  type Held,
  InvalidArgumentError,
  type JobChange,
  type JobCounts,
  type JobPage,
  type JobQuery,
  type JobRecord,
  type JobStore,
  MAX_BATCH,
  type NewJob,
  OPERATION_DEADLINE_MS,
  type Outcome,
  type Settled,
  type SweepLimits,
  type SweepReport,
  type Traits,
  type TypeCounts,
  type WorkerRecord,
  type WorkerReport,
} from '@sched/core/adapter'
import type { Backend } from './backend.ts'
import { inChunks } from './chunks.ts'
import { ClaimStarts } from './claim-starts.ts'
import type { Executor, Row } from './database.ts'
import { type EncodedJob, encodeJob, Heads, readRecord } from './job-codec.ts'
import { jobKey } from './job-key.ts'
import { listJobs } from './job-list.ts'
import { jsonLines, plainArray, readSettled, readToken, settleParameters } from './job-settle.ts'
import { PostgresAdapter } from './postgres-adapter.ts'
import { JOBS } from './statements.ts'
import { userTransaction } from './transaction.ts'
import { wakeKey } from './wake-key.ts'

/** How long `workers()` shows a dead worker after its last job was taken back. */
const DEAD_WORKER_KEEP_MS = 3_600_000

const ANSWERS: Readonly<Record<string, ChangeAnswer>> = { o: 'ok', m: 'missing', r: 'refused' }

/** Jobs in PostgreSQL without a broker in between: each call is one statement, decided by the server's clock. */
export class PostgresJobStore extends PostgresAdapter implements JobStore {
  readonly traits: Partial<Traits> = { clock: 'server', durability: 'server' }
  readonly #scope: string
  readonly #stops = new Set<() => void>()
  readonly #starts = new ClaimStarts()

  constructor(backend: Backend, scope: string) {
    super(backend, 'the PostgreSQL job store', false)
    this.#scope = scope
  }

  async insert(
    jobs: readonly NewJob[],
    options?: { readonly transaction?: unknown },
  ): Promise<readonly ('inserted' | 'exists' | Error)[]> {
    this.guard()
    checkBatch(jobs.length, 'jobs')
    const { maxValueBytes } = this.backend.settings
    const heads = new Heads()
    const encoded = jobs.map((job) => {
      try {
        return encodeJob(job, heads, maxValueBytes)
      } catch (error) {
        return error as Error
      }
    })
    const sent = distinct(encoded)
    if (sent.size === 0) return spread(encoded, new Set())
    const batch = [...sent.values()]
    const transaction = options?.transaction
    const executor: Executor =
      transaction === undefined ? this.backend.database : userTransaction(this.backend.database, transaction)
    const rows = await executor.run(JOBS.insert, [this.prefix, this.#scope, ...insertParameters(batch)])
    const known = new Set(rows.map(([key]) => sent.get(key as string)?.id ?? ''))
    const keys = this.#wakeKeys(new Set(batch.map(({ type }) => type)))
    if (transaction === undefined) this.backend.wakes.tell(keys)
    else if (this.backend.settings.listen !== false)
      await executor.run(JOBS.notify, this.backend.wakes.notification(keys))
    return spread(encoded, known)
  }

  async settle(outcomes: readonly Outcome[], want?: ClaimRequest): Promise<Settled> {
    this.guard()
    checkBatch(outcomes.length, 'outcomes')
    checkOutcomes(outcomes)
    if (want !== undefined) checkClaimRequest(want)
    if (outcomes.length === 0 && want === undefined) return { settled: [], jobs: [], nextDueInMs: null }
    const starts = this.#starts.of(want, outcomes)
    const { maxValueBytes: maxBytes } = this.backend.settings
    const parameters = settleParameters(outcomes, want, { maxBytes, starts })
    const rows = await this.run(JOBS.settle, [this.prefix, this.#scope, ...parameters])
    const { settled, jobs, nextDueInMs, unreadable, woken, places } = readSettled(rows, want?.worker ?? '')
    this.#starts.note(want, places)
    this.#tell(woken)
    if (unreadable.length > 0)
      await this.settle(unreadable.map((claim) => ({ ...claim, kind: 'fail', reason: 'undecodable' })))
    return { settled, jobs, nextDueInMs }
  }

  async heartbeat(worker: WorkerReport, held: readonly Held[]): Promise<HeartbeatReply> {
    this.guard()
    checkWorkerReport(worker)
    const { id, leaseMs, phase = 'active', claimGraceMs = OPERATION_DEADLINE_MS, info } = worker
    const ids = new Map(held.map((mine) => [jobKey(mine.id), mine.id]))
    const rows = await this.run(JOBS.heartbeat, [
      this.prefix,
      this.#scope,
      id,
      leaseMs,
      phase,
      claimGraceMs,
      info === undefined ? null : encodeValue(info),
      plainArray(held.map((mine) => jobKey(mine.id))),
      plainArray(
        held.map(({ token }) => {
          const { fence, worker: owner } = readToken(token)
          // a token of another worker proves nothing here
          return owner === id ? fence : 0
        }),
      ),
    ])
    this.#tell(tagged(rows, 'w'))
    const named = (tag: string) => tagged(rows, tag).map((key) => ids.get(key) as string)
    return { alive: rows.some(([tag]) => tag === 'a'), lost: named('l'), cancelRequested: named('c') }
  }

  async sweep(limits: SweepLimits): Promise<SweepReport> {
    this.guard()
    checkSweepLimits(limits)
    const rows = await this.run(JOBS.sweep, [
      this.prefix,
      this.#scope,
      Math.min(limits.limit ?? MAX_BATCH, MAX_BATCH),
      limits.graceMs ?? 0,
      DEAD_WORKER_KEEP_MS,
    ])
    this.#tell(tagged(rows, 'w'))
    const number = (tag: string): number => Number(tagged(rows, tag)[0] ?? 0)
    return {
      more: number('m') === 1,
      dead: tagged(rows, 'd'),
      recovered: number('r'),
      crashed: number('x'),
      expired: number('e'),
      pruned: number('p'),
    }
  }

  async get(ids: readonly string[]): Promise<readonly (JobRecord | null)[]> {
    this.guard()
    for (const id of ids) checkName(id, 'id')
    const found = new Map<string, JobRecord>()
    for (const chunk of inChunks([...new Set(ids)], MAX_BATCH)) {
      const keys = plainArray(chunk.map(jobKey))
      for (const row of await this.run(JOBS.get, [this.prefix, this.#scope, keys])) {
        const record = readRecord(row)
        found.set(record.id, record)
      }
    }
    return ids.map((id) => found.get(id) ?? null)
  }

  async list(query: JobQuery): Promise<JobPage> {
    this.guard()
    return await listJobs(
      (statement, parameters) => this.run(statement, [this.prefix, this.#scope, ...parameters]),
      query,
      checkedQuery(query),
    )
  }

  async counts(): Promise<JobCounts> {
    this.guard()
    const types: Record<string, TypeCounts> = {}
    for (const row of await this.run(JOBS.counts, [this.prefix, this.#scope])) {
      const [name, pending, running, completed, failed, cancelled, durationMs, paused] = row
      const counts: TypeCounts = {
        pending: Number(pending),
        running: Number(running),
        completed: Number(completed),
        failed: Number(failed),
        cancelled: Number(cancelled),
        durationMs: Number(durationMs),
        paused: paused === 't',
      }
      // a type may have the name of something that every object has
      Object.defineProperty(types, name as string, {
        value: counts,
        enumerable: true,
        configurable: true,
        writable: true,
      })
    }
    return { types }
  }

  async change(ids: readonly string[], change: JobChange): Promise<readonly ChangeAnswer[]> {
    this.guard()
    for (const id of ids) checkName(id, 'id')
    checkChange(change)
    const reason = change.kind === 'cancel' && change.reason !== undefined ? change.reason : null
    const answers = new Map<string, ChangeAnswer>()
    for (const chunk of inChunks([...new Set(ids)], MAX_BATCH)) {
      const rows = await this.run(JOBS.change, [
        this.prefix,
        this.#scope,
        plainArray(chunk.map(jobKey)),
        change.kind,
        reason === null ? null : JSON.stringify(reason.toWellFormed()),
        change.kind === 'reschedule' ? (change.delayMs ?? null) : null,
        change.kind === 'reschedule' ? (change.runAt ?? null) : null,
      ])
      const letters = tagged(rows, 'o')[0] ?? ''
      for (const [i, id] of chunk.entries()) answers.set(id, ANSWERS[letters[i] as string] ?? 'refused')
      this.#tell(tagged(rows, 'w'))
    }
    return ids.map((id) => answers.get(id) ?? 'missing')
  }

  async pause(type: string, paused: boolean): Promise<void> {
    this.guard()
    checkName(type, 'type')
    await this.run(JOBS.pause, [this.prefix, this.#scope, type, paused])
    if (!paused) this.#tell([type])
  }

  async workers(): Promise<readonly WorkerRecord[]> {
    this.guard()
    const rows = await this.run(JOBS.workers, [this.prefix, this.#scope])
    return rows.map(([id, until, dead, running, info]) => ({
      id: id as string,
      until: Number(until),
      dead: dead === 't',
      running: Number(running),
      info: info ? decodeValue<Record<string, unknown>>(info, 'info') : {},
    }))
  }

  async subscribe(types: readonly string[], onWake: (type: string) => void): Promise<() => Promise<void>> {
    this.guard()
    for (const type of types) checkName(type, 'type')
    const names = new Map([...new Set(types)].map((type) => [this.#wakeKey(type), type]))
    const stopWatching = await this.backend.wakes.watch(names.keys(), (key) => {
      const type = names.get(key)
      if (type !== undefined) onWake(type)
    })
    const stop = (): void => {
      this.#stops.delete(stop)
      stopWatching()
    }
    this.#stops.add(stop)
    if (this.closed) stop()
    return async () => stop()
  }

  override async close(): Promise<void> {
    for (const stop of [...this.#stops]) stop()
    await super.close()
  }

  #tell(types: readonly string[]): void {
    if (types.length > 0) this.backend.wakes.tell(this.#wakeKeys(types))
  }

  #wakeKeys(types: Iterable<string>): readonly string[] {
    return Array.from(types, (type) => this.#wakeKey(type))
  }

  #wakeKey(type: string): string {
    return wakeKey('jobs', this.prefix, this.#scope, type)
  }
}

function distinct(encoded: readonly (EncodedJob | Error)[]): Map<string, EncodedJob> {
  const sent = new Map<string, EncodedJob>()
  for (const job of encoded) if (!(job instanceof Error) && !sent.has(job.key)) sent.set(job.key, job)
  return sent
}

function insertParameters(batch: readonly EncodedJob[]): (string | null)[] {
  const heads = new Map<string, number>()
  const headOf = batch.map(({ head }) => {
    const place = heads.get(head) ?? heads.size + 1
    heads.set(head, place)
    return place
  })
  const column = (value: (job: EncodedJob) => number | null): string | null =>
    batch.some((job) => value(job) !== null) ? plainArray(batch.map(value)) : null
  return [
    `[${[...heads.keys()].join(',')}]`,
    plainArray(headOf),
    plainArray(batch.map(({ key }) => key)),
    batch.map(({ payload }) => payload).join('\n'),
    jsonLines(batch.map(({ extra }) => extra)),
    column((job) => job.delayMs),
    column((job) => job.runAt),
    column((job) => job.expiresInMs),
    column((job) => job.expiresAt),
  ]
}

/** One answer for each job that was given. */
function spread(
  encoded: readonly (EncodedJob | Error)[],
  known: ReadonlySet<string>,
): ('inserted' | 'exists' | Error)[] {
  const seen = new Set<string>()
  return encoded.map((job) => {
    if (job instanceof Error) return job
    if (seen.has(job.key)) return 'exists'
    seen.add(job.key)
    return known.has(job.id) ? 'exists' : 'inserted'
  })
}

function tagged(rows: readonly Row[], tag: string): string[] {
  return rows.filter(([each]) => each === tag).map(([, what]) => what as string)
}

function checkBatch(length: number, what: string): void {
  if (length <= MAX_BATCH) return
  throw new InvalidArgumentError(`${what} takes at most ${MAX_BATCH} at a time, not ${length}`)
}
