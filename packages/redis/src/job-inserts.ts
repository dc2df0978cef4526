/** The inserts of one job store: encodes jobs, sends them, and knows its own work again when an answer was lost. */
import { randomUUID } from 'node:crypto'
import type { NewJob } from '@sched/core/adapter'
import type { Argument, Connection } from './connection.ts'
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
    const [first] = jobs
    return first !== undefined && jobs.length === 1 ? this.#insertOne(first) : this.#insertMany(jobs)
  }

  /** As few promises as can be: one insert after another waits for each of them. */
  #insertOne(job: NewJob): Promise<Answers> {
    const encoded = this.#encoded(job)
    if (encoded instanceof Error) return Promise.resolve([encoded])
    return this.#send(insertOneCall(encoded, job.delivery !== 'at-most-once')).then(answerOfOne)
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

  #send({ script, fresh, args }: InsertCall): Promise<InsertAnswer> {
    if (fresh) return this.#call(script, args)
    const caller = this.#callers.take()
    args.push(caller, this.#callers.nextMark(), 2 * this.#settings.deadlineMs)
    const answer = this.#call(script, args)
    const giveBack = (): void => this.#callers.giveBack(caller)
    answer.then(giveBack, giveBack)
    return answer
  }

  #call(script: InsertCall['script'], args: readonly Argument[]): Promise<InsertAnswer> {
    const again = (): readonly Argument[] => sentAgain(args)
    return this.#connection.run(JOB_SCRIPTS[script], this.#base, args, again) as Promise<InsertAnswer>
  }
}

function answerOfOne(answer: InsertAnswer): Answers {
  return [answer === '' ? 'inserted' : 'exists']
}
