/** Two upserts of one new document: the server may refuse the later one instead of updating. */
import { MongoBulkWriteError } from 'mongodb'
import { codeOf, DUPLICATE_KEY } from './errors.ts'

const TRIES = 10

/** Again, while all that went wrong is that the document came into being meanwhile. */
export async function retryingDuplicates<T>(work: () => Promise<T>): Promise<T> {
  for (let left = TRIES; ; left--) {
    try {
      return await work()
    } catch (error) {
      if (left === 0 || !isDuplicate(error)) throw error
    }
  }
}

/** Nothing but duplicate keys. */
export function isDuplicate(error: unknown): boolean {
  if (!(error instanceof MongoBulkWriteError)) return codeOf(error) === DUPLICATE_KEY
  const { result } = error
  return (
    result.getWriteConcernError() === undefined &&
    result.getWriteErrorCount() > 0 &&
    result.getWriteErrors().every(({ code }) => code === DUPLICATE_KEY)
  )
}
