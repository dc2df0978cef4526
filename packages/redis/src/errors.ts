/** From what ioredis and the server say to what the contracts promise. Messages carry no address beyond host and port. */
import { SchedError, UnavailableError } from '@sched/core/adapter'

/** What to do with a failed call. `notSent`: wait for the connection; `again`: the server refused before it changed anything. */
export type FaultKind = 'notSent' | 'again' | 'noScript' | 'broken' | 'refused'

const NOT_SENT =
  /Stream isn't writeable|Cluster isn't ready|None of startup nodes|ClusterAllFailed|Failed to refresh slots/
/** The server refuses for a while, and has changed nothing: it loads, fails over, resharded, or runs somebody's long script. */
const AGAIN = /\b(LOADING|READONLY|MASTERDOWN|CLUSTERDOWN|TRYAGAIN|BUSY)\b/
const BROKEN =
  /Connection is closed|Reached the max retries|ECONN|EPIPE|ETIMEDOUT|Socket (timeout|closed)|aborted due to|Cluster is ended|Too many Cluster redirections/
const DENIED = /\bNOPERM\b|can't run this command|has no permissions|can't access at least one of the keys/
const UNAUTHENTICATED = /\b(WRONGPASS|NOAUTH)\b|invalid (username-password|password)|Authentication required/
const TLS_REFUSED =
  /^(ERR_SSL_|ERR_TLS_|CERT_|DEPTH_ZERO_SELF_SIGNED|SELF_SIGNED|UNABLE_TO_(GET|VERIFY)|INVALID_CA)/
const WITHOUT_TLS = /^ERR_SSL_(WRONG_VERSION_NUMBER|PACKET_LENGTH_TOO_LONG)$/
const NO_REDIS = /Unknown RESP type|Protocol error, got/
const AFTERMATH =
  /Stream isn't writeable|Connection is closed|Reached the max retries|None of startup nodes|Failed to refresh slots/

export function faultKind(error: unknown): FaultKind {
  const message = messageOf(error)
  if (/^NOSCRIPT\b/.test(message)) return 'noScript'
  if (NOT_SENT.test(message)) return 'notSent'
  if (AGAIN.test(message)) return 'again'
  return BROKEN.test(message) ? 'broken' : 'refused'
}

/** A fault that waiting does not mend. */
export function isLasting(error: unknown): boolean {
  return (
    isUnauthenticated(error) ||
    isWithoutDatabase(error) ||
    TLS_REFUSED.test(codeOf(error)) ||
    NO_REDIS.test(messageOf(error))
  )
}

/** Neither the connection nor TLS on it was answered. */
export function isUnanswered(error: unknown): boolean {
  return codeOf(error) === 'ETIMEDOUT'
}

/** It follows from a fault that was told before. */
export function isAftermath(error: unknown): boolean {
  return AFTERMATH.test(messageOf(error))
}

/** Why there is no connection. */
export function reasonOf(error: unknown): string {
  return explain(error)
}

/** The server refused to select the database: there is none of that number, or the user may not. ioredis would go on in database 0. */
export function isWithoutDatabase(error: unknown): boolean {
  return refusedDatabase(error) !== undefined
}

function refusedDatabase(error: unknown): string | undefined {
  if (!(error instanceof Error) || error.name !== 'ReplyError') return undefined
  const { command } = error as { command?: { readonly name: string; readonly args: readonly unknown[] } }
  return command?.name === 'select' ? String(command.args[0]) : undefined
}

function isUnauthenticated(error: unknown): boolean {
  return UNAUTHENTICATED.test(messageOf(error))
}

/** The server's ACL refused a command or a key. */
export function isDenied(error: unknown): boolean {
  return DENIED.test(messageOf(error))
}

/** `what`: the operation, e.g. `redis insert`. `mayBeApplied`: by an earlier try of the same call. */
export function unavailable(what: string, error: unknown, mayBeApplied = false): SchedError {
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
  return new UnavailableError(`${what}: ${explain(error)}`, { cause: error, ambiguous: mayBeApplied })
}

function explain(error: unknown): string {
  const message = messageOf(error)
  const code = codeOf(error)
  if (WITHOUT_TLS.test(code))
    return `the port answers without TLS (${code}); use redis:// instead of rediss://, or the port with TLS`
  if (TLS_REFUSED.test(code))
    return `TLS failed (${code.startsWith('ERR_SSL_') ? code : message}); see the option \`tls\`, as { ca } for an authority of your own`
  if (NO_REDIS.test(message)) return `what answers there is no Redis (${message}); check host and port`
  if (isUnanswered(error)) return `neither the connection nor TLS on it was answered: ${message}`
  if (/\bOOM\b/.test(message))
    return 'Redis has reached maxmemory and takes no new data; raise maxmemory or keep finished jobs for a shorter time'
  if (/\bMISCONF\b/.test(message))
    return 'Redis refuses writes because it cannot save to disk; free its disk, or see its log'
  if (/\bNOREPLICAS\b/.test(message))
    return 'Redis refuses writes because too few replicas are connected (min-replicas-to-write)'
  if (isUnauthenticated(message)) return 'Redis refused the credentials; check username and password'
  if (isDenied(message))
    return `the Redis user lacks a permission (${withoutScript(message)}); see docs/adapters/redis.md for the ACL it needs`
  const database = refusedDatabase(error)
  if (database !== undefined)
    return `the server has no database ${database} (${message}); raise \`databases\` in redis.conf, or take another number`
  if (/\bCROSSSLOT\b/.test(message))
    return `keys of one call lie in several slots (${withoutScript(message)})`
  if (/\bMOVED\b/.test(message))
    return 'the server is a node of a Redis Cluster; pass `cluster: [{ host, port }]` or a Cluster client'
  return withoutScript(message)
}

function withoutScript(message: string): string {
  return message.replace(/ script: [0-9a-f]{40},.*$/s, '')
}

function codeOf(error: unknown): string {
  return error instanceof Error ? String((error as NodeJS.ErrnoException).code ?? '') : ''
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
