/** The inserts of one job store: encodes jobs, sends them, and knows its own work again when an answer was lost. */
import { randomUUID } from 'node:crypto'
import type { NewJob } from '@sched/core/adapter'
import type { Connection } from './connection.ts'
import { type EncodedJob, encodeJob } from './job-encode.ts'
import {
  type InsertAnswer,
  type InsertCall,
  insertCall,
  insertOneCall,
  sentAgain,
  spreadInserts,
} from './job-insert.ts'
import { JOB_SCRIPTS } from './job-scripts.ts'

type Answers = readonly ('inserted' | 'exists' | Error)[]

interface InsertSettings {
  readonly maxValueBytes: number
  readonly deadlineMs: number
}

/** The caller of an insert, under whose name the server leaves the answer: one for each such insert under way at a time. */
class InsertCallers {
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

export class JobInserts {
  readonly #connection: Connection
  readonly #settings: InsertSettings
  readonly #base: string
  readonly #callers = new InsertCallers()

  /** `base`: of the job store's keys. */
  constructor(connection: Connection, settings: InsertSettings, base: string) {
    this.#connection = connection
    this.#settings = settings
    this.#base = base
  }

  insert(jobs: readonly NewJob[]): Promise<Answers> {
    return jobs.length === 1 ? this.#insertOne(jobs[0]!) : this.#insertMany(jobs)
  }

  /** As few promises and functions as can be: one insert after another waits for each of them. */
  #insertOne(job: NewJob): Promise<Answers> {
    let encoded: EncodedJob
    try {
      encoded = encodeJob(job, this.#settings.maxValueBytes)
    } catch (error) {
      return Promise.resolve([error as Error])
    }
    const call = insertOneCall(encoded, job.delivery !== 'at-most-once')
    return this.#send(call).then(answerOfOne)
  }

  async #insertMany(jobs: readonly NewJob[]): Promise<Answers> {
    const encoded = jobs.map((job) => this.#encoded(job))
    const call = insertCall(encoded)
    return spreadInserts(encoded, call.sent, call.sent === 0 ? '' : await this.#send(call))
  }

  #encoded(job: NewJob): EncodedJob | Error {
    try {
      return encodeJob(job, this.#settings.maxValueBytes)
    } catch (error) {
      return error as Error
    }
  }

  /** Where its ids are not new for certain it leaves its answer behind for a second call. */
  #send(call: InsertCall): Promise<InsertAnswer> {
    if (call.fresh) return this.#call(call)
    const caller = this.#callers.take()
    call.args.push(caller, this.#callers.nextMark(), 2 * this.#settings.deadlineMs)
    const answer = this.#call(call)
    const giveBack = (): void => this.#callers.giveBack(caller)
    answer.then(giveBack, giveBack)
    return answer
  }

  #call({ script, args }: InsertCall): Promise<InsertAnswer> {
    return this.#connection.run(JOB_SCRIPTS[script], this.#base, args, sentAgain) as Promise<InsertAnswer>
  }
}

/** The script for one job answers with a number. */
function answerOfOne(answer: InsertAnswer | number): Answers {
  return [answer === 1 || answer === '' ? 'inserted' : 'exists']
}
