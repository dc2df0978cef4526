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

export function faultKind(error: unknown): FaultKind {
  const message = messageOf(error)
  if (/^NOSCRIPT\b/.test(message)) return 'noScript'
  if (NOT_SENT.test(message)) return 'notSent'
  if (AGAIN.test(message)) return 'again'
  return BROKEN.test(message) ? 'broken' : 'refused'
}

/** A fault that waiting does not mend: the credentials are wrong. */
export function isUnauthenticated(error: unknown): boolean {
  return UNAUTHENTICATED.test(messageOf(error))
}

/** The server's ACL refused a command or a key. */
export function isDenied(error: unknown): boolean {
  return DENIED.test(messageOf(error))
}

/** `what`: the operation, e.g. `redis insert`. `mayBeApplied`: by an earlier try of the same call. */
export function unavailable(what: string, error: unknown, mayBeApplied = false): SchedError {
  if (error instanceof SchedError) return error
  const message = messageOf(error)
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
  return new UnavailableError(`${what}: ${explain(message)}`, { cause: error, ambiguous: mayBeApplied })
}

function explain(message: string): string {
  if (/\bOOM\b/.test(message))
    return 'Redis has reached maxmemory and takes no new data; raise maxmemory or keep finished jobs for a shorter time'
  if (/\bMISCONF\b/.test(message))
    return 'Redis refuses writes because it cannot save to disk; free its disk, or see its log'
  if (/\bNOREPLICAS\b/.test(message))
    return 'Redis refuses writes because too few replicas are connected (min-replicas-to-write)'
  if (isUnauthenticated(message)) return 'Redis refused the credentials; check username and password'
  if (isDenied(message))
    return `the Redis user lacks a permission (${withoutScript(message)}); see docs/adapters/redis.md for the ACL it needs`
  if (/\bCROSSSLOT\b/.test(message))
    return `keys of one call lie in several slots (${withoutScript(message)})`
  if (/\bMOVED\b/.test(message))
    return 'the server is a node of a Redis Cluster; pass `cluster: [{ host, port }]` or a Cluster client'
  return withoutScript(message)
}

function withoutScript(message: string): string {
  return message.replace(/ script: [0-9a-f]{40},.*$/s, '')
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
