// Makes each id claimable after its delay. One entry an id: of a waiting or delayed one the earlier due and the higher priority win; one
// under a live lease is left alone. Repeating the call changes nothing, unless the id was claimed and acknowledged in between.
//
// Trips    1
// Indexes  _id
import type { Document } from 'mongodb'
import type { Executor } from '../connection.ts'
import { retryingDuplicates } from '../duplicates.ts'
import { after, isAhead, literal } from '../expressions.ts'
import { DELAYED, type EntryDocument, type EntryId, LEASED, READY } from './entry-document.ts'

export interface PublishedEntry {
  readonly id: EntryId
  readonly delayMs: number
  readonly priority: number
  /** Grows within the publisher. */
  readonly seq: number
}

export async function publishEntries(executor: Executor, entries: readonly PublishedEntry[]): Promise<void> {
  const operations = entries.map((entry) => ({
    updateOne: { filter: { _id: entry.id }, update: change(entry), upsert: true },
  }))
  await executor.run({ name: 'broker publish' }, () =>
    retryingDuplicates(() =>
      executor.collection<EntryDocument>('entries').bulkWrite(operations, { ordered: false }),
    ),
  )
}

const LIVE = { $and: [{ $eq: ['$st', LEASED] }, isAhead('t')] }
const IS_DUE = { $lte: ['$d', '$$NOW'] }
const ONLY_LEASED = { $eq: ['$st', LEASED] }

function change({ delayMs, priority, seq }: PublishedEntry): Document[] {
  return [
    {
      $set: {
        // a missing field counts for nothing in $min
        d: { $cond: [LIVE, '$d', { $min: ['$d', after(delayMs)] }] },
        p: { $cond: [LIVE, '$p', { $min: ['$p', literal(-priority)] }] },
        s: { $ifNull: ['$s', literal(seq)] },
        n: { $ifNull: ['$n', 0] },
      },
    },
    {
      $set: {
        st: { $cond: [LIVE, '$st', { $cond: [IS_DUE, READY, DELAYED] }] },
        t: { $cond: [LIVE, '$t', { $cond: [IS_DUE, '$$REMOVE', '$d'] }] },
      },
    },
    {
      $set: {
        c: { $cond: [ONLY_LEASED, '$c', '$$REMOVE'] },
        r: { $cond: [ONLY_LEASED, '$r', '$$REMOVE'] },
        slot: { $cond: [ONLY_LEASED, '$slot', '$$REMOVE'] },
      },
    },
  ]
}
