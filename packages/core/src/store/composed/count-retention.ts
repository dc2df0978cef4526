import { FINAL_STATES, type FinalState } from '../../contracts/job-record.ts'
import type { Filter } from '../../contracts/storage-engine.ts'
import { type GoneRow, isFinal, isJobRow, type JobRow, keepOf } from './job-row.ts'
import type { JobTable, StoredJob } from './job-table.ts'
import type { Tally } from './tallies.ts'
import { forgotten } from './transitions.ts'

/** Most finished records of one type and state that a node remembers; what is beyond, the sweep trims. */
const MAX_REMEMBERED = 10_000

/** Finished records, oldest first. */
class Finished {
  #rows: GoneRow[] = []
  #start = 0

  get size(): number {
    return this.#rows.length - this.#start
  }

  push(row: GoneRow): void {
    this.#rows.push(row)
  }

  shift(): GoneRow {
    const row = this.#rows[this.#start++]!
    if (this.#start > 1_000 && this.#start * 2 > this.#rows.length) {
      this.#rows = this.#rows.slice(this.#start)
      this.#start = 0
    }
    return row
  }
}

/**
 * Retention by count, at the settle and without a read: a node knows what it finished itself, so each finish beyond the count sends
 * the oldest one away, in the same batch of writes. What other nodes finished is not known here: {@link trim} makes it exact.
 */
export class CountRetention {
  readonly #jobs: JobTable
  readonly #finished: Map<string, Finished> = new Map()
  /** How many had ever finished when a type and state was trimmed last. */
  readonly #trimmedAt: Map<string, number> = new Map()

  constructor(jobs: JobTable) {
    this.#jobs = jobs
  }

  /**
   * The writes that end jobs, and with them those that keep the counts. The first `rows.length` answers belong to `rows`; the others
   * may be refused, when somebody changed or discarded the record before.
   */
  keep(rows: readonly StoredJob[], now: number): StoredJob[] {
    if (!this.#jobs.fenced) return [...rows]
    const written = new Map<string, StoredJob>()
    const leaving: GoneRow[] = []
    for (const row of rows) {
      written.set(row.id, row)
      if (row.state === 'gone' || !isFinal(row.state)) continue
      for (const old of this.#add(row, now)) {
        // it came and goes in one batch: the record is never written
        if (written.has(old.id)) written.set(old.id, { ...old, rev: old.rev - 1 })
        else leaving.push(old)
      }
    }
    return [...written.values(), ...leaving]
  }

  /**
   * Brings the counts down to what the retention of the newest record says, whoever finished it; up to `limit` records. `totals`: how
   * many ever finished, so that only what changed since the last round is looked at. Resolves to how many records went.
   */
  async trim(totals: ReadonlyMap<string, Tally>, limit: number, now: number): Promise<number> {
    let trimmed = 0
    for (const [type, tally] of totals) {
      for (const state of FINAL_STATES) {
        const key = `${state}:${type}`
        if (trimmed >= limit) return trimmed
        if (tally[state] === this.#trimmedAt.get(key)) continue
        const excess = await this.#excess(type, state, limit - trimmed)
        const gone = await this.#jobs.replace(excess.map((row) => forgotten(row, now)))
        trimmed += gone.filter(Boolean).length
        this.#trimmedAt.set(key, tally[state])
      }
    }
    return trimmed
  }

  async #excess(type: string, state: FinalState, limit: number): Promise<JobRow[]> {
    const filter = { type, state }
    const [newest] = await this.#find(filter, 'desc', 1)
    const keep = newest && keepOf(newest, state).count
    if (keep === undefined) return []
    const excess = (await this.#jobs.count(filter)) - keep
    return excess > 0 ? this.#find(filter, 'asc', Math.min(excess, limit)) : []
  }

  async #find(filter: Filter, direction: 'asc' | 'desc', limit: number): Promise<JobRow[]> {
    const rows = await this.#jobs.find(filter, { limit, orderBy: { field: 'endedAt', direction } })
    return rows.filter(isJobRow)
  }

  #add(row: JobRow, now: number): GoneRow[] {
    const state = row.state as FinalState
    const { count } = keepOf(row, state)
    if (count === undefined) return []
    const key = `${state}:${row.type}`
    let finished = this.#finished.get(key)
    if (!finished) {
      finished = new Finished()
      this.#finished.set(key, finished)
    }
    finished.push(forgotten(row, now))
    const leaving: GoneRow[] = []
    while (finished.size > Math.min(count, MAX_REMEMBERED)) leaving.push(finished.shift())
    return leaving
  }
}
