import { randomBytes } from 'node:crypto'

/** Of this process: to ask the system for random bytes at each claim takes longer than the rest of what is done for one. */
const origin = randomBytes(9).toString('base64url')
let claims = 0

/** A fresh proof for what one claim call takes: `unique@worker`. Every claim of a job has another one. */
export function newToken(worker: string): string {
  return `${origin}${(claims++).toString(36)}@${worker}`
}

/** The worker a token was given to; the empty string for a text that is no token. */
export function workerOfToken(token: string): string {
  const at = token.indexOf('@')
  return at < 0 ? '' : token.slice(at + 1)
}
