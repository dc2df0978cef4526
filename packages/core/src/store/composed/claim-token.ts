import { randomBytes } from 'node:crypto'

/** A fresh proof for what one claim call takes: `random@worker`. Every claim of a job has another one. */
export function newToken(worker: string): string {
  return `${randomBytes(9).toString('base64url')}@${worker}`
}

/** The worker a token was given to; the empty string for a text that is no token. */
export function workerOfToken(token: string): string {
  const at = token.indexOf('@')
  return at < 0 ? '' : token.slice(at + 1)
}
