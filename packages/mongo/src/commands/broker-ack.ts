// Removes ids. With a receipt only while it proves the live lease, so that a late worker never removes somebody else's claim.
//
// Trips    1 without tokens or for one id; 2 for several with tokens (which are live, then their removal)
// Indexes  _id
import type { MongoConnection } from '../connection.ts'
import { isAhead } from '../expressions.ts'
import { grouped } from '../grouped.ts'
import { type EntryDocument, type EntryId, LEASED } from './entry-document.ts'

export interface AckedEntry {
  readonly id: EntryId
  readonly token: string | undefined
}

type ProvenEntry = AckedEntry & { readonly token: string }

/** False per item whose lease is gone. */
export async function ackEntries(
  connection: MongoConnection,
  items: readonly AckedEntry[],
): Promise<boolean[]> {
  const plain = items.filter(({ token }) => token === undefined)
  const proven = items.filter(({ token }) => token !== undefined) as ProvenEntry[]
  if (plain.length > 0) await removeAll(connection, plain)
  const live =
    proven.length === 1 ? await removeOne(connection, proven[0]!) : await removeLive(connection, proven)
  return items.map((item) => item.token === undefined || live.has(item))
}

async function removeAll(connection: MongoConnection, items: readonly AckedEntry[]): Promise<void> {
  const ids = items.map(({ id }) => id)
  await connection.run({ name: 'broker ack' }, () => {
    const entries = connection.collection<EntryDocument>('entries')
    return ids.length === 1 ? entries.deleteOne({ _id: ids[0]! }) : entries.deleteMany({ _id: { $in: ids } })
  })
}

async function removeOne(connection: MongoConnection, item: ProvenEntry): Promise<ReadonlySet<AckedEntry>> {
  const entries = connection.collection<EntryDocument>('entries')
  const removed = await connection.run({ name: 'broker ack', repeatable: true }, async (mayBeApplied) => {
    const { deletedCount } = await entries.deleteOne({ _id: item.id, ...heldBy(item.token) })
    // after a lost answer it is gone because this call removed it
    return deletedCount === 1 || (mayBeApplied && (await entries.countDocuments({ _id: item.id })) === 0)
  })
  return new Set(removed ? [item] : [])
}

async function removeLive(
  connection: MongoConnection,
  items: readonly ProvenEntry[],
): Promise<ReadonlySet<AckedEntry>> {
  if (items.length === 0) return new Set()
  const entries = connection.collection<EntryDocument>('entries')
  const live = await connection.run({ name: 'broker ack', repeatable: true }, () => heldOf(connection, items))
  if (live.size === 0) return live
  const byToken = grouped(live, ({ token }) => token)
  const operations = [...byToken].map(([token, group]) => ({
    deleteMany: { filter: { _id: { $in: group.map(({ id }) => id) }, ...heldBy(token) } },
  }))
  return await connection.run({ name: 'broker ack', repeatable: true }, async (mayBeApplied) => {
    const { deletedCount } = await entries.bulkWrite(operations, { ordered: false })
    if (deletedCount === live.size) return live
    // what is still there lost its lease at this very moment
    const left = await entries
      .find({ _id: { $in: [...live].map(({ id }) => id) } }, { projection: { _id: 1 } })
      .toArray()
    if (left.length === 0 && mayBeApplied) return live
    const leftIds = new Set(left.map(({ _id }) => _id.i))
    return new Set([...live].filter(({ id }) => !leftIds.has(id.i)))
  })
}

async function heldOf(connection: MongoConnection, items: readonly ProvenEntry[]): Promise<Set<ProvenEntry>> {
  const found = await connection
    .collection<EntryDocument>('entries')
    .find(
      { _id: { $in: items.map(({ id }) => id) }, st: LEASED, $expr: isAhead('t') },
      { projection: { r: 1 }, batchSize: items.length + 1 },
    )
    .toArray()
  const tokens = new Map(found.map(({ _id, r }) => [_id.i, r]))
  return new Set(items.filter(({ id, token }) => tokens.get(id.i) === token))
}

function heldBy(token: string) {
  return { st: LEASED, r: { $eq: token }, $expr: isAhead('t') } as const
}
