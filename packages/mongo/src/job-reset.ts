/** Empties, and shows, what the job store keeps under a prefix. */
import type { Document } from 'mongodb'
import { keyUnder, rangeOf } from './collections.ts'
import type { MongoConnection } from './connection.ts'
import { deleteRange, type IdRange } from './delete-range.ts'
import { JOB_NAMES, JOBS } from './job-indexes.ts'
import { keysOf } from './job-key.ts'

/** Deletes every job under the prefix, its workers, counters and pauses. The numbers of scopes and types stay: open stores know them. */
export async function resetJobs(connection: MongoConnection): Promise<void> {
  for (const scope of await scopesUnder(connection)) {
    for (const range of rangesOf(scope))
      await deleteRange(connection, range, { name: 'job reset', collection: JOBS })
  }
}

/** The numbers of the scopes under the prefix. */
async function scopesUnder(connection: MongoConnection): Promise<readonly number[]> {
  const from = keyUnder(connection.settings.prefix, 's:')
  const scopes = await connection.run({ name: 'job reset', repeatable: true }, () =>
    connection
      .collection<{ _id: string; n: number }>(JOB_NAMES)
      .find({ _id: { $gte: from, $lt: keyUnder(connection.settings.prefix, 's;') } })
      .toArray(),
  )
  return scopes.map(({ n }) => n)
}

/** Every document of a scope in the jobs' collection. */
export function everythingOf(scope: number): Document {
  return { $or: rangesOf(scope).map(({ from, end }) => ({ _id: { $gte: from, ...end } })) }
}

/** In the order of `_id`: the jobs come last. */
function rangesOf(scope: number): readonly IdRange[] {
  const [from, to] = keysOf(scope)
  const parts = ['c', 'l', 'p', 'w'].map((part) => ({
    from: { [part]: scope },
    end: { $lt: { [part]: scope + 1 } },
  }))
  return [...parts, { from, end: { $lte: to } }]
}

/** The names under the prefix. */
export function namesUnder(prefix: string): Document {
  const [from, below] = rangeOf(prefix)
  return { _id: { $gte: from, $lt: below } }
}
