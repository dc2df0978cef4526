import type { WorkerReport } from '../../contracts/job-store.ts'
import type { Clock } from '../../values/clock.ts'
import type { ServerTime } from '../server-time.ts'
import type { Versioned } from './job-row.ts'
import { type RecordTable, Unreadable } from './record-table.ts'
import type { Revisions } from './revisions.ts'

/** A worker as it is stored. `id` is fresh at every start. */
export interface WorkerRow extends Versioned {
  readonly id: string
  /** When its lease ends: epoch milliseconds of the storage server. */
  readonly until: number
  readonly leaseMs: number
  readonly dead: boolean
  /** From when `prune` may delete it; null while it lives. */
  readonly finishedAt: number | null
  readonly info: Readonly<Record<string, unknown>>
}

/** How long a dead worker's record stays for `workers()`. */
const DEAD_WORKER_KEPT_MS = 3_600_000
/** A heartbeat that is refused so often in a row has a competitor that it will not outrun. */
const MAX_TRIES = 5

interface Known {
  readonly row: WorkerRow
  /** Monotonic instant before the last answered heartbeat was sent, plus the lease: past it the worker starts nothing. */
  readonly lateAt: number
}

/**
 * The workers' leases: one record a worker, renewed by compare-and-set, so that being declared dead and renewing exclude each other. A
 * worker whose record is missing is dead.
 */
export class WorkerLeases {
  readonly #table: RecordTable<WorkerRow>
  readonly #time: ServerTime
  readonly #clock: Clock
  readonly #revisions: Revisions
  /** The workers that beat through this store. */
  readonly #known: Map<string, Known> = new Map()

  constructor(table: RecordTable<WorkerRow>, time: ServerTime, clock: Clock, revisions: Revisions) {
    this.#table = table
    this.#time = time
    this.#clock = clock
    this.#revisions = revisions
  }

  /** Renews, or with phase `join` begins, the worker's lease. False: it is dead, or never joined. */
  async renew(report: WorkerReport): Promise<boolean> {
    let row: WorkerRow | undefined = this.#known.get(report.id)?.row ?? (await this.#read(report.id))
    for (let tries = 0; tries < MAX_TRIES; tries++) {
      if (row ? row.dead : report.phase !== 'join') break
      const sentAt = this.#clock.monotonic()
      const next = this.#renewed(report, row)
      const [stored] = row ? await this.#table.replace([next]) : await this.#table.insert([next])
      if (stored) {
        this.#known.set(report.id, { row: next, lateAt: sentAt + report.leaseMs })
        return true
      }
      // refused: dead, gone, or an earlier heartbeat of its own whose answer was lost
      row = await this.#read(report.id)
    }
    this.#known.delete(report.id)
    return false
  }

  /** The lease under which the worker may claim now; undefined: it is dead, unknown, or past its lease. */
  async leaseOf(worker: string): Promise<number | undefined> {
    const known = this.#known.get(worker)
    if (known) return this.isLate(worker) ? undefined : known.row.leaseMs
    const row = await this.#read(worker)
    return row && !row.dead && row.until > this.#time.now() ? row.leaseMs : undefined
  }

  /** Past its lease by this process's monotonic clock; false for a worker that beats elsewhere. */
  isLate(worker: string): boolean {
    const known = this.#known.get(worker)
    return known !== undefined && this.#clock.monotonic() >= known.lateAt
  }

  /** Those that are not dead, with the end of their leases. */
  async living(workers: Iterable<string>): Promise<Map<string, number>> {
    const ids = [...new Set(workers)]
    const rows = await this.#table.read(ids)
    const living = new Map<string, number>()
    for (const [index, row] of rows.entries())
      if (row && !(row instanceof Unreadable) && !row.dead) living.set(ids[index]!, row.until)
    return living
  }

  /** The worker ended; what it still ran was released before. */
  async leave(worker: string): Promise<void> {
    this.#known.delete(worker)
    await this.#table.delete(worker)
  }

  /**
   * Declares dead, by compare-and-set, up to `limit` workers whose lease ended before `now - graceMs` and for whom `allowed` holds.
   * Resolves to their ids.
   */
  async declareDead(limit: number, graceMs: number, allowed: (row: WorkerRow) => boolean): Promise<string[]> {
    const now = Math.floor(this.#time.now())
    const late = await this.#table.find({ dead: false, until: { $lte: now - graceMs } }, { limit })
    const doomed = late.filter(allowed).map((row): WorkerRow => {
      return { ...row, dead: true, finishedAt: now + DEAD_WORKER_KEPT_MS, rev: row.rev + 1 }
    })
    const declared = await this.#table.replace(doomed)
    const dead = doomed.filter((_, index) => declared[index]).map(({ id }) => id)
    for (const id of dead) this.#known.delete(id)
    return dead
  }

  async list(): Promise<WorkerRow[]> {
    return this.#table.find({}, {})
  }

  async prune(): Promise<void> {
    await this.#table.prune(this.#time.now())
  }

  #renewed(report: WorkerReport, row: WorkerRow | undefined): WorkerRow {
    return {
      id: report.id,
      until: Math.ceil(this.#time.now()) + report.leaseMs,
      leaseMs: report.leaseMs,
      dead: false,
      finishedAt: null,
      info: report.info ?? row?.info ?? {},
      rev: row ? row.rev + 1 : this.#revisions.next(),
    }
  }

  async #read(id: string): Promise<WorkerRow | undefined> {
    const [row] = await this.#table.read([id])
    if (row instanceof Unreadable) throw row.error
    return row ?? undefined
  }
}
