/** Jobs as the insert script takes them, and its answer. */
import { randomUUID } from 'node:crypto'
import type { Argument } from './connection.ts'
import type { EncodedJob } from './job-encode.ts'

/** Empty: all were inserted. */
export type InsertAnswer = string

/** The caller of an insert, under whose name the server leaves the answer: one for each insert under way at a time. */
export class InsertCallers {
  readonly #free: string[] = []
  readonly #instance: string = randomUUID()
  #made = 0
  #marks = 0

  take(): string {
    return this.#free.pop() ?? `${this.#instance}:${this.#made++}`
  }

  giveBack(caller: string): void {
    this.#free.push(caller)
  }

  /** Of one call; ends in a character that is in no answer and no number. */
  nextMark(): string {
    return `${++this.#marks}|`
  }
}

type Encoded = readonly (EncodedJob | Error)[]

/** Sendable jobs in their order, each id once, as runs of one head; `sent` of them. */
export function insertArguments(encoded: Encoded): {
  readonly args: readonly Argument[]
  readonly sent: number
} {
  const jobs = sendable(encoded)
  const args: Argument[] = [jobs.length]
  for (const job of jobs) args.push(job.id)
  for (let i = 0; i < jobs.length; ) {
    const { head, due, expires, rest } = jobs[i] as EncodedJob
    if (due !== '' || expires !== '') {
      args.push('s', head, due, expires, rest)
      i++
      continue
    }
    const start = args.push('n', head, 0)
    for (; i < jobs.length && isPlain(jobs[i] as EncodedJob, head); i++)
      args.push((jobs[i] as EncodedJob).rest)
    args[start - 1] = args.length - start
  }
  return { args, sent: jobs.length }
}

/** One answer for each job that was given. */
export function spreadInserts(encoded: Encoded, answer: InsertAnswer): ('inserted' | 'exists' | Error)[] {
  const seen = new Set<string>()
  let at = 0
  return encoded.map((job) => {
    if (job instanceof Error) return job
    if (seen.has(job.id)) return 'exists'
    seen.add(job.id)
    return answer === '' || answer[at++] === '1' ? 'inserted' : 'exists'
  })
}

function isPlain(job: EncodedJob, head: string): boolean {
  return job.head === head && job.due === '' && job.expires === ''
}

function sendable(encoded: Encoded): EncodedJob[] {
  const seen = new Set<string>()
  const jobs: EncodedJob[] = []
  for (const job of encoded) {
    if (job instanceof Error || seen.has(job.id)) continue
    seen.add(job.id)
    jobs.push(job)
  }
  return jobs
}
