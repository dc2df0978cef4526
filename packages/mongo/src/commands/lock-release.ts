// Ends the owner's lease; the document stays for its token. A foreign lease is left alone. Not repeated blindly: it could end a lease that
// the same owner has taken since.
//
// Trips    1: update
// Indexes  _id
import type { Executor } from '../connection.ts'
import type { LockDocument } from './lock-document.ts'

export async function releaseLock(executor: Executor, id: string, owner: string): Promise<void> {
  await executor.run({ name: 'lock release' }, () =>
    executor
      .collection<LockDocument>('locks')
      .updateOne({ _id: id, o: { $eq: owner } }, { $set: { e: new Date(0) }, $unset: { o: true } }),
  )
}
