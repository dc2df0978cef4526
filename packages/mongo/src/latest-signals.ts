/**
 * The latest signals: a capped collection of a few hundred, which all prefixes share. Whoever waits at its end is told as soon as the primary has
 * written, while a change stream tells only of what a majority has in its journal.
 */
import { type Document, MongoServerError } from 'mongodb'
import type { MongoConnection } from './connection.ts'
import { codeOf, faultKind } from './errors.ts'

export interface LatestSignal extends Document {
  /** Whom it wakes. */
  readonly k: string
  /** Begins with the sender's id; no two are alike. */
  readonly n: string
}

const BYTES = 65_536
const EXISTS = 48

/**
 * Makes the collection where there is none. False where the server, or the user's role, has no capped collections, or something else has
 * taken the name: then signals are documents of their own. Throws UNAVAILABLE, CLOSED.
 */
export async function makeLatest(connection: MongoConnection): Promise<boolean> {
  const create = connection.nameOf('latest')
  return await connection.run({ name: 'create signals', repeatable: true }, async () => {
    try {
      await connection.db.command({ create, capped: true, size: BYTES })
      return true
    } catch (error) {
      if (codeOf(error) === EXISTS) return await isCapped(connection)
      if (error instanceof MongoServerError && faultKind(error) === 'refused') return false
      throw error
    }
  })
}

/** After somebody has dropped it, the next signal makes a collection that is not capped: in it they would stay for ever. */
async function isCapped(connection: MongoConnection): Promise<boolean> {
  const name = connection.nameOf('latest')
  const [found] = await connection.db.listCollections({ name }).toArray()
  if ((found as { options?: { capped?: boolean } } | undefined)?.options?.capped === true) return true
  const foreign = await connection.collection('latest').findOne({ $or: [{ k: null }, { n: null }] })
  if (foreign !== null) return false
  await connection.db.command({ convertToCapped: name, size: BYTES })
  return true
}
