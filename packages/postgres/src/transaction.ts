/** The user's own transaction as something that runs our statements. */
import { ClosedError, InvalidArgumentError, UnsupportedError } from '@sched/core/adapter'
import type { Database, Executor, Parameter, Row, Statement } from './database.ts'
import { schedError } from './errors.ts'

/** A pg client with an open transaction, or anything else whose `query` takes SQL with `$1` and values and gives rows. */
interface QueryClient {
  query(text: string, values: readonly unknown[]): Promise<unknown>
  /** Newer pg clients have it: `I` outside of a transaction, as of the last answer. */
  getTransactionStatus?(): unknown
}

/** Throws UNSUPPORTED for anything that has no `query` method, a pool included: a pool has no transaction. */
export function userTransaction(database: Database, transaction: unknown): Executor {
  if (!isQueryClient(transaction)) {
    throw new UnsupportedError(
      'tx must be a pg client inside BEGIN … COMMIT, or an object { query(text, values) } over one; see docs/adapters/postgres.md',
    )
  }
  if (isPoolLike(transaction)) {
    throw new InvalidArgumentError(
      'tx is a pool, whose queries run on any connection: pass the client that began the transaction',
    )
  }
  return {
    async run(statement: Statement, parameters: readonly Parameter[]): Promise<readonly Row[]> {
      if (database.closed) throw new ClosedError('postgres')
      try {
        await refuseWithoutTransaction(transaction)
        return rowsOf(await transaction.query(database.text(statement.sql), parameters))
      } catch (error) {
        throw schedError(`postgres ${statement.name}`, error)
      }
    },
  }
}

function isQueryClient(value: unknown): value is QueryClient {
  return typeof value === 'object' && value !== null && typeof (value as QueryClient).query === 'function'
}

function isPoolLike(value: object): boolean {
  return 'totalCount' in value && 'idleCount' in value
}

/** What each statement commits by itself would be no part of what the caller means to commit. Others than pg's clients cannot be asked. */
async function refuseWithoutTransaction(client: QueryClient): Promise<void> {
  const isOutside = (): boolean =>
    typeof client.getTransactionStatus === 'function' && client.getTransactionStatus() === 'I'
  if (!isOutside()) return
  // a BEGIN that nobody awaited is answered before this is
  await client.query('select 1', [])
  if (!isOutside()) return
  throw new InvalidArgumentError(
    'tx is a pg client on which no transaction is open: run BEGIN on it before, and COMMIT after',
  )
}

/** Rows as text in column order: drivers give objects, and turn what they know into numbers, dates and objects. */
function rowsOf(answer: unknown): readonly Row[] {
  const rows = Array.isArray(answer) ? answer : (answer as { rows?: unknown } | undefined)?.rows
  if (!Array.isArray(rows))
    throw new InvalidArgumentError('tx.query must resolve to rows, or to an object with `rows`')
  return rows.map((row: unknown) => Object.values(row as object).map(textOf))
}

function textOf(value: unknown): string | null {
  if (value === null || value === undefined) return null
  if (typeof value === 'boolean') return value ? 't' : 'f'
  return typeof value === 'object' ? JSON.stringify(value) : String(value)
}
