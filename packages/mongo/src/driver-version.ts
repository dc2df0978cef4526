/** A client or a session of another major of the driver: it reads none of the values that this one makes. */
import { InvalidArgumentError } from '@sched/core/adapter'
import { Binary, type ClientSession, type MongoClient } from 'mongodb'

/** The driver's major, which is also that of its BSON. */
const NEEDED = bsonMajor(Binary.prototype) as number

/** Throws INVALID_ARGUMENT. */
export async function checkDriver(client: MongoClient): Promise<void> {
  // what the driver tells the server of itself, at hand or promised, which it does not declare
  const { metadata } = client.options as { metadata?: unknown }
  const { driver } = ((await metadata) ?? {}) as { driver?: { version?: unknown } }
  const version = driver?.version
  if (typeof version !== 'string') return
  if (Number.parseInt(version, 10) !== NEEDED) {
    throw new InvalidArgumentError(
      `the MongoClient is of version ${version} of the mongodb driver; @sched/mongo needs a client of version ${NEEDED}, or a URL`,
    )
  }
}

/** Throws INVALID_ARGUMENT. */
export function checkSessionDriver(session: ClientSession): void {
  const major = bsonMajor(session.id?.id)
  if (major !== undefined && major !== NEEDED) {
    throw new InvalidArgumentError(
      `tx is a session of version ${major} of the mongodb driver; @sched/mongo needs one of version ${NEEDED}`,
    )
  }
}

/** Every BSON value carries it, for the driver to compare. */
function bsonMajor(value: object | undefined): number | undefined {
  const major = (value as Record<symbol, unknown> | undefined)?.[Symbol.for('@@mdb.bson.version')]
  return typeof major === 'number' ? major : undefined
}
