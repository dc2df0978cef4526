/** The driver's client, and how documents go through it, whatever its own settings say. */
import { InvalidArgumentError } from '@sched/core/adapter'
import { type DbOptions, MongoClient, ReadConcern } from 'mongodb'
import { messageOf } from './errors.ts'
import {
  clientOptions,
  databaseInUrl,
  isClient,
  isDb,
  type MongoConnectionOptions,
  type MongoSource,
  type Settings,
} from './options.ts'

/** Documents come back as the adapters wrote them. */
export const bsonOptions = {
  promoteValues: true,
  promoteLongs: true,
  promoteBuffers: false,
  useBigInt64: false,
  bsonRegExp: false,
  raw: false,
  ignoreUndefined: true,
  serializeFunctions: false,
  readPreference: 'primary',
  readConcern: new ReadConcern('local') as ReadConcern,
} as const

export function databaseOptions({ writeConcern, deadlineMs }: Settings): DbOptions {
  return { ...bsonOptions, writeConcern: { w: writeConcern, journal: true, wtimeoutMS: deadlineMs } }
}

/** A client of the user's is for the user to close. */
export function ownsClient(source: MongoSource): boolean {
  return !(typeof source === 'object' && (isClient(source) || isDb(source)))
}

/** Throws INVALID_ARGUMENT. */
export function openClient(source: MongoSource, settings: Settings): MongoClient {
  if (typeof source === 'object') {
    if (isDb(source)) return source.client
    if (isClient(source)) return source
  }
  const { url, options } = clientOptions(source as string | MongoConnectionOptions, settings)
  try {
    return new MongoClient(url, options)
  } catch (error) {
    throw new InvalidArgumentError(
      `the connection options are not what the driver accepts: ${messageOf(error)}`,
      {
        cause: error,
      },
    )
  }
}

export function databaseOf(source: MongoSource, settings: Settings): string {
  if (settings.database !== undefined) return settings.database
  if (typeof source === 'object' && isDb(source)) return source.databaseName
  if (typeof source === 'object' && isClient(source)) return source.db().databaseName
  return databaseInUrl(typeof source === 'string' ? source : source.url) ?? 'sched'
}
