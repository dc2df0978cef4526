// Leases candidates that nobody else took meanwhile. Two takers never get one id: each entry changes hands in one step, on condition that
// it is still claimable and was claimed as often as when it was found. A call whose answer was lost finds what it took by its token.
//
// Trips    1; 2 when others were quicker, an answer was lost, or there are slots
// Indexes  _id; slots (unique: at most one live lease a slot)
import type { Document } from 'mongodb'
import { MongoBulkWriteError } from 'mongodb'
import type { MongoConnection } from '../connection.ts'
import { isDuplicate } from '../duplicates.ts'
import { after, literal } from '../expressions.ts'
import { grouped } from '../grouped.ts'
import type { Candidate } from './broker-candidates.ts'
import { type EntryDocument, LEASED, OVERDUE, READY } from './entry-document.ts'

export interface Taking {
  readonly consumer: string
  readonly token: string
  readonly leaseMs: number
  /** A free slot for each candidate, where `maxActive` holds. */
  readonly slots?: readonly number[]
}

const CLAIMABLE: Document[] = [{ st: READY }, OVERDUE]

/** Those of the candidates that were taken, in their order. */
export async function takeEntries(
  connection: MongoConnection,
  candidates: readonly Candidate[],
  taking: Taking,
): Promise<readonly Candidate[]> {
  const ids = candidates.map(({ _id }) => _id)
  const operations = taking.slots === undefined ? inGroups(candidates, taking) : oneByOne(candidates, taking)
  return await connection.run({ name: 'broker claim', repeatable: true }, async (mayBeApplied) => {
    const entries = connection.collection<EntryDocument>('entries')
    const { modifiedCount } = await entries
      .bulkWrite(operations, { ordered: false })
      .catch((error: unknown) => {
        // another one got the slot
        if (error instanceof MongoBulkWriteError && isDuplicate(error)) return error
        throw error
      })
    if (modifiedCount === candidates.length) return candidates
    if (modifiedCount === 0 && !mayBeApplied) return []
    const own = await entries
      .find({ _id: { $in: ids }, r: taking.token }, { projection: { _id: 1 }, batchSize: ids.length + 1 })
      .toArray()
    const ownIds = new Set(own.map(({ _id }) => _id.i))
    return candidates.filter(({ _id }) => ownIds.has(_id.i))
  })
}

/** Few updates: one for all that were claimed equally often. */
function inGroups(candidates: readonly Candidate[], taking: Taking) {
  return [...grouped(candidates, ({ n }) => n)].map(([n, group]) => ({
    updateMany: {
      filter: { _id: { $in: group.map(({ _id }) => _id) }, n, $or: CLAIMABLE },
      update: leased(n, taking),
    },
  }))
}

function oneByOne(candidates: readonly Candidate[], taking: Taking) {
  return candidates.map(({ _id, n }, i) => ({
    updateOne: { filter: { _id, n, $or: CLAIMABLE }, update: leased(n, taking, taking.slots?.[i]) },
  }))
}

function leased(n: number, { consumer, token, leaseMs }: Taking, slot?: number): Document[] {
  const lease = {
    st: LEASED,
    t: after(leaseMs),
    c: literal(consumer),
    r: token,
    n: n + 1,
    ...(slot !== undefined && { slot }),
  }
  return [{ $unset: slot === undefined ? ['k', 'slot'] : ['k'] }, { $set: lease }]
}
