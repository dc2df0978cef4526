/**
 * Settles as large as the contract allows, in several scripts: while a script runs the server does nothing else, and on a slow machine a
 * thousand jobs settled and claimed take it 30 ms, in bad moments 100. What core sends is smaller already and goes as it is.
 */
import type { ClaimedJob, ClaimRequest, Settled } from '@sched/core/adapter'

/** Outcomes of one script, and jobs that it claims. */
export const SETTLE_PIECE = 250

export type Claimed = Pick<Settled, 'jobs' | 'nextDueInMs'>

export function firstPiece(want: ClaimRequest): ClaimRequest {
  return want.limit <= SETTLE_PIECE ? want : { ...want, limit: SETTLE_PIECE }
}

/** What of `want` is not among `jobs`, at most a piece; undefined when that is nothing. */
function nextPiece(want: ClaimRequest, jobs: readonly ClaimedJob[]): ClaimRequest | undefined {
  const limit = Math.min(want.limit - jobs.length, SETTLE_PIECE)
  const types = want.types.flatMap((type) => {
    if (type.limit === undefined) return [type]
    const left = type.limit - jobs.filter((job) => job.type === type.type).length
    return left > 0 ? [{ ...type, limit: left }] : []
  })
  return limit > 0 && types.length > 0 ? { ...want, limit, types } : undefined
}

/** Goes on after a full piece until there is no more, or enough. Where that fails, what came before is not lost: the next call tells of it. */
export async function claimRest(
  want: ClaimRequest,
  first: Claimed,
  claim: (piece: ClaimRequest) => Promise<Claimed>,
): Promise<Claimed> {
  const jobs = [...first.jobs]
  let { nextDueInMs } = first
  for (let piece = nextPiece(want, jobs); piece !== undefined; piece = nextPiece(want, jobs)) {
    const answer = await claim(piece).catch(() => ({ jobs: [], nextDueInMs: 0 }))
    nextDueInMs = answer.nextDueInMs
    jobs.push(...answer.jobs)
    if (answer.jobs.length < piece.limit) break
  }
  return { jobs, nextDueInMs }
}
