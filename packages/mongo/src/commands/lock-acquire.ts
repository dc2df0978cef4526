// Takes a lock that is free, renews the owner's own, leaves a foreign one alone. Repeating it renews: as good as once.
//
// Trips    1: findAndModify with an update pipeline, upserting
// Indexes  _id
import type { Executor } from '../connection.ts'
import { retryingDuplicates } from '../duplicates.ts'
import { after, isAhead, literal } from '../expressions.ts'
import { KEEP_MS, type LockDocument } from './lock-document.ts'

export async function acquireLock(
  executor: Executor,
  id: string,
  owner: string,
  ttlMs: number,
): Promise<{ readonly token: number } | null> {
  const live = isAhead('e')
  const own = { $eq: ['$o', literal(owner)] }
  const foreign = { $and: [live, { $ne: [{ $type: '$o' }, 'missing'] }, { $not: [own] }] }
  const micros = { $multiply: [{ $toLong: '$$NOW' }, 1000] }
  const next = { $max: [{ $add: [{ $ifNull: ['$t', 0] }, 1] }, micros] }
  const change = {
    $set: {
      o: { $cond: [foreign, '$o', literal(owner)] },
      e: { $cond: [foreign, '$e', after(ttlMs)] },
      t: { $cond: [{ $or: [foreign, { $and: [live, own] }] }, '$t', next] },
      x: { $cond: [foreign, '$x', after(ttlMs + KEEP_MS)] },
    },
  }
  const lock = await executor.run({ name: 'lock acquire', repeatable: true }, () =>
    retryingDuplicates(() =>
      executor
        .collection<LockDocument>('locks')
        .findOneAndUpdate({ _id: id }, [change], { upsert: true, returnDocument: 'after' }),
    ),
  )
  return lock !== null && lock.o === owner ? { token: lock.t } : null
}
