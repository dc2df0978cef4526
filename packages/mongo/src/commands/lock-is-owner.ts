// Trips    1: find
// Indexes  _id
import type { Executor } from '../connection.ts'
import { isAhead } from '../expressions.ts'
import type { LockDocument } from './lock-document.ts'

export async function ownsLock(executor: Executor, id: string, owner: string): Promise<boolean> {
  const lock = await executor.run({ name: 'lock isOwner', repeatable: true }, () =>
    executor
      .collection<LockDocument>('locks')
      .findOne({ _id: id, o: { $eq: owner }, $expr: isAhead('e') }, { projection: { _id: 1 } }),
  )
  return lock !== null
}
