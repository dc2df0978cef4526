import { randomUUID } from 'node:crypto'
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
  UnsupportedError,
  type WorkerRecord,
  type WorkerReport,
} from '@sched/core/adapter'
import type { Backend } from './backend.ts'
import type { Argument } from './bare-command.ts'
import type { HandOvers } from './hand-over.ts'
import { readCounts, readWorkers } from './job-counts.ts'
import { instantText } from './job-encode.ts'
import { JobInserts } from './job-inserts.ts'
import { type FinishedPlace, type JobSource, listJobs } from './job-list.ts'
import { type Claimed, claimRest, firstPiece, SETTLE_PIECE } from './job-pieces.ts'
import { type ReadAnswer, readRecords } from './job-read.ts'
import { JOB_SCRIPTS, STATE_LETTERS } from './job-scripts.ts'
import {
  NO_OUTCOMES,
  type OutcomeArguments,
  outcomePieces,
  readClaims,
  reasonText,
  type SettleAnswer,
  wantArguments,
} from './job-settle.ts'
import { readToken } from './job-token.ts'
import { JOB_KEYS, jobBase } from './keys.ts'
import { RedisAdapter } from './redis-adapter.ts'
import type { WakeHub } from './wake-hub.ts'

/** How long `workers()` shows a dead worker after its last job was taken back. */
const DEAD_WORKER_KEEP_MS = 3_600_000

const NOTHING: Settled = { settled: [], jobs: [], nextDueInMs: null }

const ANSWERS: Readonly<Record<string, ChangeAnswer>> = { o: 'ok', m: 'missing', r: 'refused' }

/** Jobs on Redis without a broker in between: each call is one script on the keys of one scope, decided by the server's clock. */
export class RedisJobStore extends RedisAdapter implements JobStore {
  readonly traits: Partial<Traits> = { clock: 'server', durability: 'server' }
  /** While it works on one call, this process reads the answer of another and writes the next. */
  readonly settlesAtOnce = 2
  readonly insertsAtOnce = 2
  readonly takesPayloadText = true
  readonly #base: string
  readonly #inserts: JobInserts
  /** None on a cluster: there a server does not know who listens at another one. */
  readonly #handOvers: HandOvers | undefined
  #hub: WakeHub | undefined
  /** Nothing was found the last time, nothing is delayed, and nobody has woken us since: a mere poll may look less closely. */
  #isQuiet = false

  constructor(backend: Backend, scope: string) {
    super(backend, 'the Redis job store', false)
    this.#base = jobBase(backend.settings.prefix, scope)
    this.#inserts = new JobInserts(backend.connection, backend.settings, this.#base)
    this.#handOvers = backend.openHandOvers(this.#base, () => {
      this.#isQuiet = false
    })
  }

  insert(
    jobs: readonly NewJob[],
    options?: { readonly transaction?: unknown },
  ): Promise<readonly ('inserted' | 'exists' | Error)[]> {
    try {
      this.guard()
      checkBatch(jobs.length, 'jobs')
      if (options?.transaction === undefined) return this.#inserts.insert(jobs)
      throw new UnsupportedError(
        'Redis has no transaction to insert a job in; leave `tx` out, or keep jobs in the database of the transaction',
      )
    } catch (error) {
      return Promise.reject(error)
    }
  }

  async settle(outcomes: readonly Outcome[], want?: ClaimRequest): Promise<Settled> {
    this.guard()
    checkBatch(outcomes.length, 'outcomes')
    checkOutcomes(outcomes)
    if (want !== undefined) checkClaimRequest(want)
    if (this.#isQuiet && outcomes.length === 0 && want !== undefined && (await this.#nothingFor(want)))
      return NOTHING
    this.#isQuiet = false
    const settled = new Array<'ok' | 'stale'>(outcomes.length)
    const pieces = outcomePieces(outcomes, this.backend.settings.maxValueBytes)
    const last = pieces.pop() ?? NO_OUTCOMES
    // all are settled before anything is claimed
    for (const piece of pieces) await this.#settle(piece, settled)
    let claimed = await this.#settle(last, settled, want && firstPiece(want))
    if (want !== undefined && claimed.jobs.length === SETTLE_PIECE)
      claimed = await claimRest(want, claimed, (piece) => this.#settle(NO_OUTCOMES, [], piece))
    const { jobs, nextDueInMs } = claimed
    this.#isQuiet = this.#hub !== undefined && jobs.length === 0 && nextDueInMs === null
    return { settled, jobs, nextDueInMs }
  }

  /** One script. Notes in `settled` what became of the outcomes. */
  async #settle(
    { args, places }: OutcomeArguments,
    settled: ('ok' | 'stale')[],
    want?: ClaimRequest,
  ): Promise<Claimed> {
    const before = (want && this.#handOvers?.openOf(want.worker)) ?? ''
    const open = want?.handOver && this.#handOvers?.begin(want.worker, want.handOver)
    const all = wantArguments(want, open, before).concat(args)
    // outcomes alone are as good twice as once; what a lost answer claimed is given back at a heartbeat
    const again = want === undefined ? () => all : undefined
    const answer = (await this.run(JOB_SCRIPTS.settle, this.#base, all, again)) as SettleAnswer
    if (open !== undefined) this.#handOvers?.answered(open, answer[3])
    for (const [i, place] of places.entries()) settled[place] = answer[0][i] === '1' ? 'ok' : 'stale'
    const { jobs, unreadable } = readClaims(answer, want?.worker ?? '')
    if (unreadable.length > 0) {
      await this.settle(unreadable.map((claim) => ({ ...claim, kind: 'fail', reason: 'undecodable' })))
    }
    return { jobs, nextDueInMs: answer[2] === '' ? null : Number(answer[2]) }
  }

  /** One plain command tells whether a claim could find anything, or anything is delayed at all. */
  async #nothingFor(want: ClaimRequest): Promise<boolean> {
    const types = want.types.map((type) => type.type)
    const lists = (await this.backend.connection.read(
      'hmget',
      this.#base + JOB_KEYS.PRIORITIES,
      '',
      ...types,
    )) as unknown[]
    return lists.every((list) => list === null)
  }

  async heartbeat(worker: WorkerReport, held: readonly Held[]): Promise<HeartbeatReply> {
    this.guard()
    checkWorkerReport(worker)
    const { id, leaseMs, phase = 'active', claimGraceMs = OPERATION_DEADLINE_MS, info } = worker
    const args: Argument[] = [id, leaseMs, phase, claimGraceMs, info === undefined ? '' : encodeValue(info)]
    for (const mine of held) {
      const { fence, worker: owner } = readToken(mine.token)
      // a token of another worker proves nothing here
      args.push(mine.id, owner === id ? fence : '-')
    }
    const [alive, , lost, cancelRequested] = (await this.run(JOB_SCRIPTS.heartbeat, this.#base, args)) as [
      number,
      number,
      string[],
      string[],
    ]
    if (phase === 'leave' || alive === 0) this.#handOvers?.forget(id)
    if (phase === 'join') this.#joined()
    return { alive: alive === 1, lost, cancelRequested }
  }

  /** One that joins while it listens may have been forgotten, with everything else: what it says of itself is said anew. */
  #joined(): void {
    this.#isQuiet = false
    // where that fails, the hub's next check does it
    this.#hub?.refresh().catch(() => undefined)
  }

  async sweep(limits: SweepLimits): Promise<SweepReport> {
    this.guard()
    checkSweepLimits(limits)
    const [more, recovered, crashed, expired, pruned, dead] = (await this.run(JOB_SCRIPTS.sweep, this.#base, [
      Math.min(limits.limit ?? MAX_BATCH, MAX_BATCH),
      limits.graceMs ?? 0,
      DEAD_WORKER_KEEP_MS,
    ])) as [number, number, number, number, number, string[]]
    return { more: more === 1, dead, recovered, crashed, expired, pruned }
  }

  async get(ids: readonly string[]): Promise<readonly (JobRecord | null)[]> {
    this.guard()
    for (const id of ids) checkName(id, 'id')
    const records: (JobRecord | null)[] = []
    for (const chunk of inChunks(ids, MAX_BATCH)) {
      const answer = (await this.run(JOB_SCRIPTS.read, this.#base, chunk)) as ReadAnswer
      records.push(...readRecords(chunk, answer))
    }
    return records
  }

  async list(query: JobQuery): Promise<JobPage> {
    this.guard()
    return await listJobs(this.#source, query, checkedQuery(query))
  }

  get #source(): JobSource {
    return {
      scan: async (cursor, count) => {
        this.guard()
        const key = this.#base + JOB_KEYS.BODIES
        const answer = await this.backend.connection.read('hscan', key, cursor, 'COUNT', count)
        const [next, pairs] = answer as [string, string[]]
        return [next, pairs.filter((_, i) => i % 2 === 0)]
      },
      finished: async (states, type, count, after) => {
        const letters = states.map((state) => STATE_LETTERS[state]).join('')
        const args = [letters, type ?? '', count, ...after]
        const flat = (await this.run(JOB_SCRIPTS.finished, this.#base, args)) as string[]
        return [...inChunks(flat, 3)] as unknown as readonly FinishedPlace[]
      },
      running: async () => (await this.run(JOB_SCRIPTS.heldIds, this.#base, [])) as string[],
      get: (ids) => this.get(ids),
    }
  }

  async counts(): Promise<JobCounts> {
    this.guard()
    const answer = (await this.run(JOB_SCRIPTS.counts, this.#base, [])) as Parameters<typeof readCounts>
    return { types: readCounts(...answer) }
  }

  async change(ids: readonly string[], change: JobChange): Promise<readonly ChangeAnswer[]> {
    this.guard()
    for (const id of ids) checkName(id, 'id')
    checkChange(change)
    const spec = changeText(change)
    const answers = new Map<string, ChangeAnswer>()
    for (const chunk of inChunks([...new Set(ids)], MAX_BATCH)) {
      const letters = (await this.run(JOB_SCRIPTS.change, this.#base, [
        randomUUID(),
        2 * this.backend.settings.deadlineMs,
        change.kind,
        spec,
        ...chunk,
      ])) as string
      for (const [i, id] of chunk.entries()) answers.set(id, ANSWERS[letters[i] as string] ?? 'refused')
    }
    return ids.map((id) => answers.get(id) ?? 'missing')
  }

  async pause(type: string, paused: boolean): Promise<void> {
    this.guard()
    checkName(type, 'type')
    await this.run(JOB_SCRIPTS.pause, this.#base, [type, paused ? 1 : 0])
  }

  async workers(): Promise<readonly WorkerRecord[]> {
    this.guard()
    const rows = (await this.run(JOB_SCRIPTS.workers, this.#base, [])) as (string | number)[]
    return readWorkers(rows)
  }

  async subscribe(types: readonly string[], onWake: (type: string) => void): Promise<() => Promise<void>> {
    this.guard()
    for (const type of types) checkName(type, 'type')
    this.#hub ??= this.backend.openHub(this.#base, { script: JOB_SCRIPTS.listen, parts: (names) => names })
    const stop = await this.#hub.watch([...new Set(types)], (type) => {
      this.#isQuiet = false
      onWake(type)
    })
    return async () => stop()
  }

  override async close(): Promise<void> {
    this.#hub?.close()
    this.#handOvers?.close()
    await super.close()
  }
}

function changeText(change: JobChange): string {
  if (change.kind === 'cancel') return reasonText(change.reason)
  if (change.kind === 'reschedule') return instantText(change.delayMs, 'delayMs', change.runAt, 'runAt')
  return ''
}

function checkBatch(length: number, what: string): void {
  if (length <= MAX_BATCH) return
  throw new InvalidArgumentError(`${what} takes at most ${MAX_BATCH} at a time, not ${length}`)
}
