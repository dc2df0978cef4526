/** What `ready()` finds out about the server before anything relies on it. */
import { InvalidArgumentError, UnsupportedError } from '@sched/core/adapter'
import type { MongoConnection } from './connection.ts'
import { checkDriver } from './driver-version.ts'

const OLDEST = 5

/** Throws UNSUPPORTED, INVALID_ARGUMENT or UNAVAILABLE, saying what to do. What is only worse is said once to the logger. */
export async function checkServer(connection: MongoConnection): Promise<void> {
  const { logger, writeConcern } = connection.settings
  await checkDriver(connection.client)
  // one after the other: a next ready() must not meet the end of a question that this one asked
  const { version } = await connection.command('buildInfo', { buildInfo: 1 })
  const { replicated } = await connection.facts()
  if (Number.parseInt(String(version), 10) < OLDEST)
    throw new UnsupportedError(`the server is MongoDB ${version}; @sched/mongo needs ${OLDEST}.0 or later`)
  if (!replicated) {
    if (writeConcern !== 'majority' && writeConcern > 1)
      throw new InvalidArgumentError(
        `writeConcern ${writeConcern} needs a replica set; this server is a standalone`,
      )
    logger.warn(
      'MongoDB is a standalone server: a write is safe on its disk only, and `tx` is not possible; make it a replica set, of one member if need be',
    )
  } else if (writeConcern === 1) {
    logger.warn(
      "writeConcern 1 counts a write before a majority of the members has it: a failover may lose acknowledged jobs; leave it at 'majority'",
    )
  }
}
