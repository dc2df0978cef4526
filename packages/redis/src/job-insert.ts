/** Jobs as the insert script takes them, and its answer. */
import type { Argument } from './bare-command.ts'
import type { EncodedJob } from './job-encode.ts'

/** Empty: all were inserted. */
export type InsertAnswer = string

type Encoded = readonly (EncodedJob | Error)[]

/**
 * One call of an insert script. Its arguments begin with four digits, each 1 where it is so: the ids are new for certain; this very call may have been
 * applied before; it is the second call for ids that were new for the first; it may be handed over.
 */
export interface InsertCall {
  readonly script: 'insert' | 'insertOne' | 'insertPlain'
  /** Sent again it knows its own work by the ids alone: no answer has to be left behind for it. */
  readonly fresh: boolean
  readonly args: Argument[]
  /** How many jobs are in it. */
  readonly sent: number
}

/** `mayHandOver`: it may go straight to a worker that waits. */
export function insertOneCall(job: EncodedJob, mayHandOver: boolean): InsertCall {
  const { head, id, rest, fresh } = job
  if (job.due !== '' || job.expires !== '') return mixedCall([job])
  const digits = `${fresh === true ? '10' : '00'}${fresh === false ? '1' : '0'}${mayHandOver ? '1' : '0'}`
  return { script: 'insertOne', fresh: fresh === true, args: [`${digits}${id}\0${head}\0${rest}`], sent: 1 }
}

/** Sendable jobs in their order, each id once. */
export function insertCall(encoded: Encoded): InsertCall {
  const jobs = sendable(encoded)
  const head = jobs[0]?.head ?? ''
  return jobs.every((job) => isPlain(job, head)) ? plainCall(jobs, head) : mixedCall(jobs)
}

/** The same call when it may have been applied already. */
export function sentAgain(args: readonly Argument[]): readonly Argument[] {
  const [digits, ...rest] = args as [string, ...Argument[]]
  return [`${digits[0]}1${digits.slice(2)}`, ...rest]
}

function plainCall(jobs: readonly EncodedJob[], head: string): InsertCall {
  const fresh = jobs.every((job) => job.fresh === true)
  const second = jobs.some((job) => job.fresh === false)
  const args: Argument[] = [`${fresh ? '10' : '00'}${second ? '1' : '0'}0`, head, jobs.length]
  for (const job of jobs) args.push(job.id)
  for (const job of jobs) args.push(job.rest)
  return { script: 'insertPlain', fresh, args, sent: jobs.length }
}

/** As runs of one head. */
function mixedCall(jobs: readonly EncodedJob[]): InsertCall {
  const args: Argument[] = ['0000', jobs.length]
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
  return { script: 'insert', fresh: false, args, sent: jobs.length }
}

/** One answer for each job that was given, of which `sent` were sent. */
export function spreadInserts(
  encoded: Encoded,
  sent: number,
  answer: InsertAnswer,
): ('inserted' | 'exists' | Error)[] {
  if (answer === '' && sent === encoded.length) return new Array<'inserted'>(sent).fill('inserted')
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

function sendable(encoded: Encoded): readonly EncodedJob[] {
  if (areOrdered(encoded)) return encoded
  const seen = new Set<string>()
  const jobs: EncodedJob[] = []
  for (const job of encoded) {
    if (job instanceof Error || seen.has(job.id)) continue
    seen.add(job.id)
    jobs.push(job)
  }
  return jobs
}

/** Ids that core makes grow; so no two are the same. */
function areOrdered(encoded: Encoded): encoded is readonly EncodedJob[] {
  let before = ''
  for (const job of encoded) {
    if (job instanceof Error || job.id <= before) return false
    before = job.id
  }
  return true
}
