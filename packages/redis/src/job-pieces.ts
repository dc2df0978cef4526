/**
 * Calls as large as the contract allows, in several scripts: while a script runs the server does nothing else, and on a slow machine a
 * thousand jobs take it 30 ms, in bad moments 100. What core sends is smaller already and goes as it is.
 */
import {
  type ClaimedJob,
  type ClaimRequest,
  inChunks,
  type Settled,
  UnavailableError,
} from '@sched/core/adapter'

/** Outcomes of one script, and jobs that it claims. */
export const SETTLE_PIECE = 250
/** Jobs of one insert script. */
const INSERT_PIECE = 500

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

/** One answer a job, in order. Where some pieces are stored and others failed, it is not known for all. */
export async function insertInPieces<Job, Answer>(
  jobs: readonly Job[],
  insert: (piece: readonly Job[]) => Promise<readonly Answer[]>,
): Promise<readonly Answer[]> {
  if (jobs.length <= INSERT_PIECE) return insert(jobs)
  const results = await Promise.allSettled([...inChunks(jobs, INSERT_PIECE)].map(insert))
  const answers = results.flatMap((result) => (result.status === 'fulfilled' ? result.value : []))
  const failed = results.find((result) => result.status === 'rejected')
  if (failed === undefined) return answers
  const error: unknown = failed.reason
  if (answers.length === 0 || !(error instanceof UnavailableError)) throw error
  throw new UnavailableError(error.message, { cause: error, ambiguous: true })
}
