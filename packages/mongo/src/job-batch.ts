/** The jobs of one insert, and what it answers for each. */
import { InvalidArgumentError, MAX_BATCH, type NewJob } from '@sched/core/adapter'
import { type EncodedJob, encodeJob } from './job-codec.ts'

export type InsertAnswer = 'inserted' | 'exists' | Error

export class JobBatch {
  /** Those that can be stored, each id once. */
  readonly jobs: readonly EncodedJob[]
  /** For each job that was given its place in `jobs`, or why it has none; undefined: its id was there before. */
  readonly #places: readonly (number | Error | undefined)[]

  constructor(given: readonly NewJob[], maxValueBytes: number) {
    const jobs: EncodedJob[] = []
    const ids = new Set<string>()
    this.#places = given.map((job) => {
      try {
        const encoded = encodeJob(job, maxValueBytes)
        if (ids.has(job.id)) return undefined
        ids.add(job.id)
        return jobs.push(encoded) - 1
      } catch (error) {
        return error as Error
      }
    })
    this.jobs = jobs
  }

  /** One for each job that was given; `inserted`: whether each of `jobs` was. */
  answers(inserted: readonly boolean[]): InsertAnswer[] {
    return this.#places.map((place) => {
      if (place instanceof Error) return place
      return place !== undefined && inserted[place] ? 'inserted' : 'exists'
    })
  }
}

/** Throws INVALID_ARGUMENT. */
export function checkBatch(length: number, what: string): void {
  if (length <= MAX_BATCH) return
  throw new InvalidArgumentError(`${what} takes at most ${MAX_BATCH} at a time, not ${length}`)
}
