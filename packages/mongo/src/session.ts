/** The user's own transaction: a ClientSession of the driver with a transaction in progress. */
import { InvalidArgumentError, UnsupportedError } from '@sched/core/adapter'
import type { ClientSession, MongoClient } from 'mongodb'
import { checkSessionDriver } from './driver-version.ts'

/** With the client it belongs to, which the driver has, and does not declare. */
export type UserSession = ClientSession & { readonly client: MongoClient }

/** Throws UNSUPPORTED for anything that is no session, INVALID_ARGUMENT for a session without a transaction, or of another driver. */
export function userSession(transaction: unknown): UserSession {
  if (!isSession(transaction)) {
    throw new UnsupportedError(
      'tx must be a ClientSession of the mongodb driver inside a transaction (session.withTransaction, or startTransaction); see docs/adapters/mongo.md',
    )
  }
  if (!transaction.inTransaction()) {
    throw new InvalidArgumentError(
      'tx is a session without a transaction in progress: call startTransaction() first, or pass the session inside withTransaction()',
    )
  }
  checkSessionDriver(transaction)
  return transaction
}

function isSession(value: unknown): value is UserSession {
  if (typeof value !== 'object' || value === null) return false
  const { inTransaction, client } = value as { inTransaction?: unknown; client?: { db?: unknown } }
  return typeof inTransaction === 'function' && typeof client?.db === 'function'
}
