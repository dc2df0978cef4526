import { randomBytes } from 'node:crypto'
import type { ServerTime } from '../server-time.ts'
import type { Versioned } from './job-row.ts'
import type { RecordTable } from './record-table.ts'
import type { Revisions } from './revisions.ts'

/** Jobs on their way from the storage to the broker, each of which names it as its `dispatch`. It goes when the broker has them all. */
export interface BatchRow extends Versioned {
  readonly id: string
  /** Epoch milliseconds of the storage server. */
  readonly createdAt: number
  /** Never pruned. */
  readonly finishedAt: null
}

/** Fewer are marked one by one: a batch takes a trip before the save. */
export const LEAST_JOBS = 200

/** One record instead of a mark for each job, which is a write a job. */
export class Batches {
  readonly #table: RecordTable<BatchRow>
  readonly #time: ServerTime
  readonly #revisions: Revisions

  constructor(table: RecordTable<BatchRow>, time: ServerTime, revisions: Revisions) {
    this.#table = table
    this.#time = time
    this.#revisions = revisions
  }

  /** To be called before any of its jobs is saved. Resolves to its name. */
  async open(): Promise<string> {
    const id = `batch:${randomBytes(9).toString('base64url')}`
    const createdAt = Math.floor(this.#time.now())
    await this.#table.insert([{ id, createdAt, finishedAt: null, rev: this.#revisions.next() }])
    return id
  }

  /** The broker was told of all its jobs, and none of them is saved any more. */
  async close(id: string): Promise<void> {
    await this.#table.delete(id)
  }

  /** Those opened before that instant, in id order. */
  async page(
    before: number,
    limit: number,
    after: string | null,
  ): Promise<{ readonly rows: BatchRow[]; readonly next: string | null }> {
    return this.#table.page({ createdAt: { $lt: before } }, limit, after)
  }
}
