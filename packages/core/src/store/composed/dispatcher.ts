import type { Logger } from '../../telemetry/logger.ts'
import type { Clock, Timer } from '../../values/clock.ts'
import type { ServerTime } from '../server-time.ts'
import { sentPatch } from './job-patch.ts'
import type { JobRow } from './job-row.ts'
import type { JobTable } from './job-table.ts'
import type { Queues } from './queues.ts'
import { sent } from './transitions.ts'

/** A published job that nobody claimed for so long is marked `sent`: most never need the write. */
const MARK_AFTER_MS = 1_000
/** Marks share writes: so long apart at least. */
const MARK_EVERY_MS = 250
const RETRY_MS = 1_000
const BATCH = 500
/** What does not fit in is left to the reconciler. */
const MAX_WAITING = 20_000
/** When a record saved in a user's transaction is looked for: milliseconds between the looks. */
const COMMIT_LOOKS_MS: readonly number[] = [5, 20, 50, 200, 1_000, 5_000]

/**
 * Tells the broker of jobs that the storage has, and the storage that the broker was told. Nothing here is needed for a job to run in
 * the end: what fails, or is forgotten when the process ends, the reconciler does again.
 */
export class Dispatcher {
  readonly #queues: Queues
  readonly #jobs: JobTable
  readonly #time: ServerTime
  readonly #clock: Clock
  readonly #logger: Logger
  /** Published, their records not marked yet: since when, on the monotonic clock. */
  readonly #unmarked: Map<string, { readonly row: JobRow; readonly since: number }> = new Map()
  readonly #unpublished: Map<string, JobRow> = new Map()
  readonly #looks: Set<Timer> = new Set()
  #timer: Timer | undefined
  #working: Promise<void> = Promise.resolve()
  #closed = false

  constructor(queues: Queues, jobs: JobTable, time: ServerTime, clock: Clock, logger: Logger) {
    this.#queues = queues
    this.#jobs = jobs
    this.#time = time
    this.#clock = clock
    this.#logger = logger
  }

  /** Never rejects: a job that is stored is accepted; where the broker fails, this is tried again later. True: the broker has them. */
  async publish(rows: readonly JobRow[]): Promise<boolean> {
    if (rows.length === 0) return true
    if (this.#unpublished.size > 0) {
      // the broker is known to be gone: nobody waits for it to be asked again
      this.#keep(this.#unpublished, rows, (row) => row)
      this.#arm(RETRY_MS)
      return false
    }
    try {
      await this.#send(rows)
      return true
    } catch (error) {
      this.#logger.warn(
        'the broker did not take published jobs; they are stored, and published again later',
        {
          jobs: rows.length,
          error,
        },
      )
      this.#keep(this.#unpublished, rows, (row) => row)
      this.#arm(RETRY_MS)
      return false
    }
  }

  /** Rejects as the broker does. */
  async #send(rows: readonly JobRow[]): Promise<void> {
    await this.#queues.publish(rows.map((row) => publicationOf(row, this.#time.now())))
    if (!this.#jobs.fenced) return
    const marked = rows.filter(({ dispatch }) => dispatch === 'pending')
    if (marked.length === 0) return
    const since = this.#clock.monotonic()
    this.#keep(this.#unmarked, marked, (row) => ({ row, since }))
    this.#arm(MARK_AFTER_MS)
  }

  /** These were claimed here: their records say so already. */
  forget(ids: Iterable<string>): void {
    if (this.#unmarked.size > 0) for (const id of ids) this.#unmarked.delete(id)
  }

  /** Publishes records that a user's transaction saved, soon after its commit made them visible. */
  watchCommit(rows: readonly JobRow[], looks: readonly number[] = COMMIT_LOOKS_MS): void {
    const [delayMs, ...later] = looks
    if (delayMs === undefined || this.#closed || rows.length === 0) return
    const timer = this.#clock.after(delayMs, () => {
      this.#looks.delete(timer)
      this.#background(async () => {
        const found = await this.#jobs.read(rows.map(({ id }) => id))
        const visible = rows.filter((row, index) => {
          const record = found[index]
          return record && 'rev' in record && record.rev === row.rev
        })
        await this.publish(visible)
        this.watchCommit(
          rows.filter((row) => !visible.includes(row)),
          later,
        )
      })
    })
    this.#looks.add(timer)
  }

  /** For what nobody waits for, and the reconciler does where it fails. */
  later(work: () => Promise<void>): void {
    this.#background(work)
  }

  /** Ends the timers and waits for what is under way. */
  async close(): Promise<void> {
    this.#closed = true
    this.#timer?.cancel()
    this.#timer = undefined
    for (const timer of this.#looks) timer.cancel()
    await this.#working
  }

  #arm(delayMs: number): void {
    if (this.#timer || this.#closed) return
    this.#timer = this.#clock.after(delayMs, () => {
      this.#background(async () => {
        try {
          await this.#publishAgain()
          await this.#mark()
        } finally {
          this.#timer = undefined
          if (this.#unpublished.size > 0) this.#arm(RETRY_MS)
          else this.#armToMark()
        }
      })
    })
  }

  /** When the oldest is due: marks that come late are made by the reconciler as well. */
  #armToMark(): void {
    for (const { since } of this.#unmarked.values()) {
      this.#arm(Math.max(MARK_EVERY_MS, since + MARK_AFTER_MS - this.#clock.monotonic()))
      return
    }
  }

  #background(work: () => Promise<void>): void {
    this.#working = this.#working.then(work).catch((error: unknown) => {
      // the reconciler does it again
      this.#logger.debug('dispatching in the background failed', { error })
    })
  }

  async #publishAgain(): Promise<void> {
    while (this.#unpublished.size > 0 && !this.#closed) {
      const batch = [...this.#unpublished.values()].slice(0, BATCH)
      await this.#send(batch)
      for (const { id } of batch) this.#unpublished.delete(id)
    }
  }

  async #mark(): Promise<void> {
    const until = this.#clock.monotonic() - MARK_AFTER_MS
    const due: JobRow[] = []
    for (const { row, since } of this.#unmarked.values()) {
      if (since > until) break
      due.push(row)
    }
    for (let start = 0; start < due.length && !this.#closed; start += BATCH) {
      const batch = due.slice(start, start + BATCH)
      this.forget(batch.map(({ id }) => id))
      await markSent(this.#jobs, batch)
    }
  }

  #keep<V>(map: Map<string, V>, rows: readonly JobRow[], entryOf: (row: JobRow) => V): void {
    for (const row of rows) {
      if (map.size >= MAX_WAITING) return
      // a row told of again goes behind the others
      map.delete(row.id)
      map.set(row.id, entryOf(row))
    }
  }
}

/** One that is refused has changed since: it was claimed, say. */
export async function markSent(jobs: JobTable, rows: readonly JobRow[]): Promise<void> {
  if (jobs.patches) await jobs.patch(rows.map(sentPatch))
  else await jobs.replace(rows.map(sent))
}

export function publicationOf(
  row: JobRow,
  now: number,
): { id: string; type: string; delayMs: number; priority: number } {
  const delayMs = row.notBefore === undefined ? 0 : Math.max(0, Math.ceil(row.notBefore - now))
  return { id: row.id, type: row.type, delayMs, priority: row.priority }
}
