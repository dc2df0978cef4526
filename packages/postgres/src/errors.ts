/** From what pg and the server say to what the contracts promise. Messages carry no address, no password and no value. */
import { InvalidArgumentError, SchedError, UnavailableError } from '@sched/core/adapter'
import { NO_GREETING, NOT_POSTGRES } from './connections.ts'

/**
 * What a failed call may have done. `notSent`: nothing, there was no connection; `again`: nothing, the server rolled back and repeating
 * helps; `broken`: unknown, the connection ended before the answer; `refused`: nothing, and repeating does not help.
 */
export type FaultKind = 'notSent' | 'again' | 'broken' | 'refused'

/** Serialization failure, deadlock. */
const ROLLED_BACK = new Set(['40001', '40P01'])
/** The server starts or stops, has no connection left, is a standby just now, or is none. */
const NO_CONNECTION = new Set(['57P03', '53300', '08001', '08004', NOT_POSTGRES, NO_GREETING])
/** The session was ended by an administrator, a crash or a shutdown. */
const ENDED = new Set(['57P01', '57P02', '57P05', '08000', '08003', '08006', '08007'])
const UNREACHABLE = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH'])
const BROKEN = /Connection terminated|Client was closed|ECONNRESET|EPIPE|ETIMEDOUT|socket|not queryable/i

export function faultKind(error: unknown): FaultKind {
  const code = codeOf(error)
  if (ROLLED_BACK.has(code)) return 'again'
  if (NO_CONNECTION.has(code) || UNREACHABLE.has(code)) return 'notSent'
  if (ENDED.has(code) || BROKEN.test(code)) return 'broken'
  if (isServerError(error)) return 'refused'
  return BROKEN.test(messageOf(error)) ? 'broken' : 'refused'
}

/** `what`: the operation, e.g. `postgres insert`. */
export function schedError(what: string, error: unknown): SchedError {
  if (error instanceof SchedError) return error
  const kind = faultKind(error)
  if (kind === 'broken') {
    return new UnavailableError(
      `${what}: the connection broke before the answer came; it may have been applied`,
      {
        cause: error,
        ambiguous: true,
      },
    )
  }
  if (codeOf(error) === 'SC001')
    return new InvalidArgumentError(`${what}: ${messageOf(error)}`, { cause: error })
  return new UnavailableError(`${what}: ${explain(error)}`, { cause: error })
}

function explain(error: unknown): string {
  const code = codeOf(error)
  if (UNREACHABLE.has(code))
    return `PostgreSQL cannot be reached (${code}); check that it runs and that host, port and TLS are right`
  switch (code) {
    case '08001':
      return `there was no connection to PostgreSQL (${messageOf(error)}); check that it runs, and that host and port are its own`
    case NO_GREETING:
      return `no connection to PostgreSQL in time: ${messageOf(error)}`
    case NOT_POSTGRES:
      return 'what answers there is no PostgreSQL; check host and port'
    case '28P01':
    case '28000':
      return 'PostgreSQL refused the credentials; check user, password and pg_hba.conf'
    case '3D000':
      return 'the database does not exist; create it, or check the connection string'
    case '42501':
      return `the PostgreSQL role lacks a permission (${messageOf(error)}); see docs/adapters/postgres.md for what it needs`
    case '42P01':
    case '42883':
      return `a table or function of sched is missing (${messageOf(error)}); call ready(), or run migrationSql() when migrate is false`
    case '53300':
      return 'PostgreSQL has no connection left; raise max_connections, or lower poolSize'
    case '53100':
      return 'the disk of PostgreSQL is full'
    case '25006':
      return 'the server is read-only, a standby for example; connect to the primary'
    case '26000':
      return 'a prepared statement is unknown; behind a transaction-mode pooler set prepare: false'
    default:
      return messageOf(error)
  }
}

export function codeOf(error: unknown): string {
  const code = typeof error === 'object' && error !== null ? (error as { code?: unknown }).code : undefined
  return typeof code === 'string' ? code : ''
}

/** An answer of the server, and no fault of the connection: it has a severity. */
function isServerError(error: unknown): boolean {
  return typeof error === 'object' && error !== null && 'severity' in error
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
