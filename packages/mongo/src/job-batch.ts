/** The jobs of one insert, and what it answers for each. */
import { InvalidArgumentError, MAX_BATCH, type NewJob } from '@sched/core/adapter'
import { type EncodedJob, encodeJob } from './job-codec.ts'

export type InsertAnswer = 'inserted' | 'exists' | Error

export class JobBatch {
  readonly #encoded: readonly (EncodedJob | Error)[]
  /** Those that can be stored, each id once. */
  readonly jobs: readonly EncodedJob[]
  readonly #known = new Set<string>()

  constructor(jobs: readonly NewJob[], maxValueBytes: number) {
    this.#encoded = jobs.map((job) => {
      try {
        return encodeJob(job, maxValueBytes)
      } catch (error) {
        return error as Error
      }
    })
    const distinct = new Map<string, EncodedJob>()
    for (const one of this.#encoded)
      if (!(one instanceof Error) && !distinct.has(one.job.id)) distinct.set(one.job.id, one)
    this.jobs = [...distinct.values()]
  }

  /** Whether each of `jobs` was inserted. */
  stored(inserted: readonly boolean[]): void {
    for (const [i, { job }] of this.jobs.entries()) if (!inserted[i]) this.#known.add(job.id)
  }

  /** One for each job that was given. */
  answers(): InsertAnswer[] {
    const seen = new Set<string>()
    return this.#encoded.map((one) => {
      if (one instanceof Error) return one
      const { id } = one.job
      if (seen.has(id)) return 'exists'
      seen.add(id)
      return this.#known.has(id) ? 'exists' : 'inserted'
    })
  }
}

/** Throws INVALID_ARGUMENT. */
export function checkBatch(length: number, what: string): void {
  if (length <= MAX_BATCH) return
  throw new InvalidArgumentError(`${what} takes at most ${MAX_BATCH} at a time, not ${length}`)
}
