/** What the commands of one scope share. */
import { type Document, Long } from 'mongodb'
import type { MongoConnection } from './connection.ts'
import { DUPLICATE_KEY } from './errors.ts'
import type { JobBook } from './job-book.ts'
import type { JobClock } from './job-clock.ts'
import type { Heads } from './job-codec.ts'
import { JOBS } from './job-indexes.ts'
import type { JobNames } from './job-names.ts'
import type { JobSpread } from './job-spread.ts'
import type { WorkerLeases } from './job-workers.ts'
import type { Written } from './wakes.ts'

export interface JobSpace {
  readonly connection: MongoConnection
  readonly names: JobNames
  readonly clock: JobClock
  readonly heads: Heads
  readonly book: JobBook
  readonly leases: WorkerLeases
  /** The number of the scope. */
  readonly scope: number
  /** Which of the counter documents this process writes. */
  readonly slot: number
  /** The paused types, as a claim saw them last. */
  readonly pauses: { seen: ReadonlySet<number> }
  readonly spread: JobSpread
  /** Something of these types became claimable. */
  wake(types: Iterable<number>): void
  /** The same, with a write that was just sent. */
  wakeBeside(types: Iterable<number>, write: Promise<Written>): void
}

export interface Statement {
  readonly q: Document
  readonly u: Document | Document[]
  readonly multi?: boolean
  readonly upsert?: boolean
}

export interface UpdateHow {
  readonly name: string
  /** Acknowledged by the primary alone. Default: as the settings say. */
  readonly quick?: boolean
}

/**
 * The statements in order, in one trip; resolves to how many documents they found. Each must be as good twice as once, or be known by its
 * effect: a lost answer repeats them.
 */
export async function update(
  { connection }: Pick<JobSpace, 'connection'>,
  updates: readonly Statement[],
  { name, quick = false }: UpdateHow,
): Promise<{ readonly found: number; readonly mayBeApplied: boolean }> {
  let found = 0
  let mayBeApplied = false
  for (let left = updates; left.length > 0; ) {
    const sent = await connection.send(
      { name, repeatable: true },
      {
        update: connection.nameOf(JOBS),
        updates: left,
        ordered: true,
        writeConcern: concernOf(connection, quick),
      },
      DUPLICATE_KEY,
    )
    found += sent.answer.n as number
    mayBeApplied ||= sent.mayBeApplied
    // somebody else made the document that was to be made
    const [refused] = sent.writeErrors
    left = refused === undefined ? [] : left.slice(refused.index)
  }
  return { found, mayBeApplied }
}

export function concernOf({ settings }: MongoConnection, quick = false): Document {
  return quick ? { w: 1 } : { w: settings.writeConcern, j: true, wtimeout: settings.deadlineMs }
}

export interface Found<T> {
  readonly documents: readonly T[]
  /** The answer was full before the limit was reached. */
  readonly cut: boolean
}

/** One batch of one query: one trip. An answer ends at 16 MiB. */
export async function find<T>(
  { connection }: Pick<JobSpace, 'connection'>,
  name: string,
  query: Document & { readonly limit: number },
): Promise<Found<T>> {
  const { answer } = await connection.send(
    { name, repeatable: true },
    { find: connection.nameOf(JOBS), batchSize: query.limit + 1, ...query },
  )
  const { firstBatch, id } = answer.cursor as { firstBatch: T[]; id: unknown }
  const cut = String(id) !== '0'
  if (cut) {
    // nobody waits for it: the server drops what is left open by itself, later
    const cursors = [Long.fromString(String(id))]
    connection.send({ name }, { killCursors: connection.nameOf(JOBS), cursors }).catch(() => undefined)
  }
  return { documents: firstBatch, cut }
}

/** Where there are few by nature: workers of a scope, what one worker runs. */
export const FEW = 20_000
