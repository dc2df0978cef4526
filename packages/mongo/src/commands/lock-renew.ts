// Sets the end of the owner's live lease. One that has ended stays ended, even if nobody took the lock. Repeating it is as good as once.
//
// Trips    1: update with a pipeline
// Indexes  _id
import type { Executor } from '../connection.ts'
import { after, isAhead } from '../expressions.ts'
import { KEEP_MS, type LockDocument } from './lock-document.ts'

export async function renewLock(
  executor: Executor,
  id: string,
  owner: string,
  ttlMs: number,
): Promise<boolean> {
  const { matchedCount } = await executor.run({ name: 'lock renew', repeatable: true }, () =>
    executor
      .collection<LockDocument>('locks')
      .updateOne({ _id: id, o: { $eq: owner }, $expr: isAhead('e') }, [
        { $set: { e: after(ttlMs), x: after(ttlMs + KEEP_MS) } },
      ]),
  )
  return matchedCount === 1
}
