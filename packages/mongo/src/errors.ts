/** From what the driver and the server say to what the contracts promise. Messages carry no address beyond host and port, and no value. */
import { InvalidArgumentError, SchedError, UnavailableError, ValueTooLargeError } from '@sched/core/adapter'
import { MongoBulkWriteError, MongoError, MongoNetworkError, MongoServerError } from 'mongodb'

/**
 * What a failed call may have done. `notSent`: nothing, no server could be reached; `again`: nothing, or nothing that a repeat would do
 * twice, and repeating helps; `broken`: unknown, the answer was lost or the members have not all got it; `refused`: nothing, and repeating does not help.
 */
export type FaultKind = 'notSent' | 'again' | 'broken' | 'refused'

/** WriteConflict, LockTimeout, and what the server says when it has not begun. */
const NOT_BEGUN = new Set([112, 24, 10107, 13435])
/** The primary steps down or the server shuts down: an operation on many documents may be done in part. */
const INTERRUPTED = new Set([11600, 11602, 189, 91, 13436, 6, 7, 89, 9001, 262, 50])
const TOO_LARGE = new Set([10334, 17419, 17420, 17280])
const SELECTION = 'MongoServerSelectionError'
const UNREACHABLE = new Set([
  SELECTION,
  'MongoWaitQueueTimeoutError',
  // before the call got a connection; `PoolClearedOnNetworkError` is the one that hits calls under way
  'MongoPoolClearedError',
])
/** Also after a first connect that failed. */
const TOPOLOGY_CLOSED = 'MongoTopologyClosedError'
const CLIENT_CLOSED = new Set([
  'MongoClientClosedError',
  'MongoNotConnectedError',
  TOPOLOGY_CLOSED,
  'MongoServerClosedError',
  'MongoPoolClosedError',
])
const SOCKET_CODES = new Set<unknown>([
  'EPIPE',
  'ECONNRESET',
  'ECONNABORTED',
  'ETIMEDOUT',
  'ERR_STREAM_DESTROYED',
])
export const DUPLICATE_KEY = 11_000
const UNAUTHORIZED = 13
const UNAUTHENTICATED = 18

/** `maybeSent`: false where no server could be sent anything while the call was under way. */
export function faultKind(reported: unknown, maybeSent = true): FaultKind {
  const error = underlying(reported)
  if (isSocketError(error)) return maybeSent ? 'broken' : 'notSent'
  if (!(error instanceof MongoError)) return 'refused'
  // the driver looks for a server a second time when the first try of a call broke, and tells of the second alone
  if (error.name === SELECTION) return maybeSent ? 'broken' : 'notSent'
  if (UNREACHABLE.has(error.name)) return 'notSent'
  if (error instanceof MongoNetworkError) {
    const { beforeHandshake } = error as { beforeHandshake?: boolean }
    return beforeHandshake === true || !maybeSent ? 'notSent' : 'broken'
  }
  if (writeConcernFailed(error)) return 'broken'
  const code = codeOf(error)
  if (NOT_BEGUN.has(code)) return 'again'
  if (INTERRUPTED.has(code)) return 'broken'
  return error.name === 'MongoOperationTimeoutError' ? 'broken' : 'refused'
}

/** Of a connection that ends while the driver writes to it, which passes the socket's own error on. */
function isSocketError(error: unknown): boolean {
  return !(error instanceof MongoError) && SOCKET_CODES.has((error as { code?: unknown } | undefined)?.code)
}

/** The server's number of an error; NaN when it has none. */
export function codeOf(error: unknown): number {
  const code = (error as { code?: unknown } | undefined)?.code
  return typeof code === 'number' ? code : Number.NaN
}

/** The driver reports what ends a bulk write as the answer of a server, also where no answer came. */
function underlying(error: unknown): unknown {
  if (!(error instanceof MongoBulkWriteError)) return error
  const { errorResponse } = error as { errorResponse?: unknown }
  return errorResponse instanceof MongoError ? errorResponse : error
}

/** `what`: the operation, e.g. `mongo insert`. `mayBeApplied`: by an earlier try of the same call. */
export function schedError(what: string, error: unknown, mayBeApplied = false): SchedError {
  if (error instanceof SchedError) return error
  const kind = faultKind(error)
  if (kind === 'broken') {
    return new UnavailableError(`${what}: ${explainBroken(error)}; it may have been applied`, {
      cause: error,
      ambiguous: true,
    })
  }
  const code = codeOf(error)
  if (
    TOO_LARGE.has(code) ||
    /larger than the maximum size|BSON.*too large|offset.*out of range/i.test(messageOf(error))
  )
    return new ValueTooLargeError(what, MAX_DOCUMENT_BYTES + 1, MAX_DOCUMENT_BYTES)
  if (kind === 'refused' && error instanceof MongoError && error.name === 'MongoInvalidArgumentError')
    return new InvalidArgumentError(`${what}: ${messageOf(error)}`, { cause: error })
  return new UnavailableError(`${what}: ${explain(error, code)}`, { cause: error, ambiguous: mayBeApplied })
}

const MAX_DOCUMENT_BYTES = 16 * 1024 * 1024

/** The write is on the primary, and not known to be on enough members. */
function writeConcernFailed(error: MongoError): boolean {
  if (error.name === 'MongoWriteConcernError') return true
  if (error instanceof MongoBulkWriteError)
    return error.result.getWriteConcernError() !== undefined && hasOnlyDuplicates(error)
  return error instanceof MongoServerError && error.writeConcernError !== undefined
}

/** What was there was not written, or by an earlier try of the same call: the rest may be on too few members. */
function hasOnlyDuplicates(error: MongoBulkWriteError): boolean {
  return error.result.getWriteErrors().every(({ code }) => code === DUPLICATE_KEY)
}

function explainBroken(reported: unknown): string {
  const error = underlying(reported)
  if (error instanceof MongoNetworkError || isSocketError(error))
    return 'the connection broke before the answer came'
  if (error instanceof MongoError && error.name === SELECTION)
    return `no server was found after the connection broke (${messageOf(error)})`
  if (error instanceof MongoError && writeConcernFailed(error))
    return 'the primary has it, but not enough members of the replica set confirmed it'
  return `the server was interrupted (${messageOf(error)})`
}

function explain(reported: unknown, code: number): string {
  const error = underlying(reported)
  if (code === UNAUTHENTICATED || /Authentication failed/i.test(messageOf(error)))
    return 'MongoDB refused the credentials; check username, password and authSource'
  if (code === UNAUTHORIZED)
    return `the MongoDB user lacks a permission (${messageOf(error)}); see docs/adapters/mongo.md for what it needs`
  if (error instanceof MongoError && CLIENT_CLOSED.has(error.name))
    return error.name === TOPOLOGY_CLOSED
      ? 'the MongoClient is not connected: its first connect failed, or it was closed; call its connect() and try again, and close the adapters before it'
      : 'the MongoClient was closed; close the adapters before it'
  if (error instanceof MongoError && UNREACHABLE.has(error.name)) return explainUnreached(messageOf(error))
  return messageOf(error)
}

function explainUnreached(why: string): string {
  return `no MongoDB server could be reached (${why}); check that it runs, and host, port, replicaSet and TLS`
}

export interface Unreached {
  /** What the driver's monitors found; empty when they found nothing. */
  readonly seen: string
  /** The driver's error, if there is one yet. */
  readonly cause: unknown
  /** An earlier try of the same call may have been applied. */
  readonly ambiguous: boolean
}

/** This try was not sent. */
export function noServer(what: string, { seen, cause, ambiguous }: Unreached): UnavailableError {
  const why = seen || (cause === undefined ? 'none answered in time' : messageOf(cause))
  return new UnavailableError(`${what}: ${explainUnreached(why)}`, {
    ...(cause !== undefined && { cause }),
    ambiguous,
  })
}

/** Without a connection string, should there be one in it. */
export function messageOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error)
  return message.replace(/mongodb(\+srv)?:\/\/\S+/g, 'mongodb://…')
}
