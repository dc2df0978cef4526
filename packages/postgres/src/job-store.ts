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
  inChunks,
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
import { ClaimStarts } from './claim-starts.ts'
import type { Row } from './database.ts'
import { HandOvers } from './hand-over.ts'
import { encodeJob, Heads, readRecord } from './job-codec.ts'
import { answersOf, distinct, insertBatch, insertJobs } from './job-insert.ts'
import { jobKey } from './job-key.ts'
import { listJobs } from './job-list.ts'
import {
  claimParameters,
  type OpenParameters,
  plainArray,
  readSettled,
  readToken,
  settleParameters,
} from './job-settle.ts'
import { PostgresAdapter } from './postgres-adapter.ts'
import { JOBS, REHEARSALS } from './statements.ts'
import { userTransaction } from './transaction.ts'
import { wakeKey } from './wake-key.ts'

/** How long `workers()` shows a dead worker after its last job was taken back. */
const DEAD_WORKER_KEEP_MS = 3_600_000

const NO_CLAIM: OpenParameters = [null, null, null]

const ANSWERS: Readonly<Record<string, ChangeAnswer>> = { o: 'ok', m: 'missing', r: 'refused' }

/** Jobs in PostgreSQL without a broker in between: each call is one statement, decided by the server's clock. */
export class PostgresJobStore extends PostgresAdapter implements JobStore {
  readonly traits: Partial<Traits> = { clock: 'server', durability: 'server' }
  readonly takesPayloadText = true
  readonly #scope: string
  readonly #stops = new Set<() => void>()
  readonly #starts = new ClaimStarts()
  readonly #handOvers: HandOvers

  constructor(backend: Backend, scope: string) {
    super(backend, 'the PostgreSQL job store', false)
    this.#scope = scope
    this.#handOvers = new HandOvers(backend.wakes)
  }

  override async ready(): Promise<void> {
    await super.ready()
    await this.backend.database.rehearse(REHEARSALS.insert)
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
    const batch = distinct(encoded)
    if (batch.length === 0) return answersOf(encoded, new Set())
    const { database, wakes } = this.backend
    const keys = this.#wakeKeys(new Set(batch.map(({ type }) => type)))
    const place = [this.prefix, this.#scope] as const
    const transaction = options?.transaction
    const known =
      transaction === undefined
        ? await wakes.withCommit(keys, (notification) => insertJobs(database, place, batch, notification))
        : await insertBatch(userTransaction(database, transaction), place, batch, wakes.withCommitOf(keys))
    return answersOf(encoded, known)
  }

  async settle(outcomes: readonly Outcome[], want?: ClaimRequest): Promise<Settled> {
    this.guard()
    checkBatch(outcomes.length, 'outcomes')
    checkOutcomes(outcomes)
    if (want !== undefined) checkClaimRequest(want)
    if (outcomes.length === 0 && want === undefined) return { settled: [], jobs: [], nextDueInMs: null }
    const starts = this.#starts.of(want, outcomes)
    const claiming = want && this.#handOvers.begin(want)
    const open = claiming?.parameters ?? NO_CLAIM
    const rows = await this.#settleRows(outcomes, want, { starts, open })
    const answer = readSettled(rows, want?.worker ?? '')
    const { settled, jobs, nextDueInMs, unreadable, woken, places, kept, handed } = answer
    if (claiming !== undefined) this.#handOvers.answered(claiming, kept, handed)
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
    const alive = rows.some(([tag]) => tag === 'a')
    if (phase === 'join') await this.backend.database.rehearse(REHEARSALS.claim)
    if (phase === 'leave' || !alive) this.#handOvers.forget(id)
    return { alive, lost: named('l'), cancelRequested: named('c') }
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
    this.#handOvers.close()
    await super.close()
  }

  #settleRows(
    outcomes: readonly Outcome[],
    want: ClaimRequest | undefined,
    { starts, open }: { readonly starts: readonly number[] | null; readonly open: OpenParameters },
  ): Promise<readonly Row[]> {
    const plain = outcomes.length === 0 && starts === null ? claimParameters(want, open) : undefined
    if (plain !== undefined) return this.run(JOBS.claim, [this.prefix, this.#scope, ...plain])
    const { maxValueBytes: maxBytes } = this.backend.settings
    const parameters = settleParameters(outcomes, want, { maxBytes, starts, open })
    return this.run(JOBS.settle, [this.prefix, this.#scope, ...parameters])
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

function tagged(rows: readonly Row[], tag: string): string[] {
  return rows.filter(([each]) => each === tag).map(([, what]) => what as string)
}

function checkBatch(length: number, what: string): void {
  if (length <= MAX_BATCH) return
  throw new InvalidArgumentError(`${what} takes at most ${MAX_BATCH} at a time, not ${length}`)
}
