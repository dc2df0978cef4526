/** Records that wait to be inserted, in order, and who waits for their answers. */
import type { NewJob } from '../contracts/job-store.ts'
import { SchedError, UnavailableError } from '../errors/sched-error.ts'

export type InsertAnswer = 'inserted' | 'exists' | Error

/** Some jobs of an `enqueueMany` could not be stored. */
export class EnqueueManyError extends SchedError {
  /** One per job, in order: its id, or why it was not stored. */
  readonly results: readonly (string | Error)[]

  constructor(results: readonly (string | Error)[]) {
    const errors = results.filter((result) => result instanceof Error)
    const first = errors[0]!
    const code = first instanceof SchedError ? first.code : 'UNAVAILABLE'
    const ambiguous = errors.some((error) => error instanceof SchedError && error.ambiguous)
    super(
      code,
      `${errors.length} of ${results.length} jobs were not enqueued; the first: ${first.message}. \`results\` has the ids of the others`,
      { cause: first, ambiguous },
    )
    this.results = results
  }
}

/** What an adapter threw that is no error of ours tells nothing about what was done. */
export function withCode(error: unknown): SchedError {
  if (error instanceof SchedError) return error
  return new UnavailableError(
    'the job store failed, and it is not known whether the jobs are stored: see `cause`',
    {
      cause: error,
      ambiguous: true,
    },
  )
}

/** So many records of a batch, one after another, whose answers one caller waits for. */
interface Share {
  readonly count: number
  /** Its answers begin at `offset`. */
  answer(answers: readonly InsertAnswer[], offset: number): void
}

/** What one caller gave. */
export interface Entry {
  /** Records not taken yet. */
  readonly left: number
  /** Moves at most `room` of them to the end of `records`. */
  take(room: number, records: NewJob[]): Share
}

/** Records of one call of the store. */
export interface Batch {
  readonly records: readonly NewJob[]
  /** One answer a record, in order. */
  answer(answers: readonly InsertAnswer[]): void
}

/** One record; a batch by itself where it waits for no others. */
export class Single implements Entry, Share, Batch {
  readonly count = 1
  left = 1
  readonly records: readonly [NewJob]
  readonly #resolve: (id: string) => void
  readonly #reject: (error: Error) => void

  constructor(record: NewJob, resolve: (id: string) => void, reject: (error: Error) => void) {
    this.records = [record]
    this.#resolve = resolve
    this.#reject = reject
  }

  take(_room: number, records: NewJob[]): Share {
    records.push(this.records[0])
    this.left = 0
    return this
  }

  answer(answers: readonly InsertAnswer[], offset = 0): void {
    const answer = answers[offset]!
    if (answer instanceof Error) this.#reject(withCode(answer))
    else this.#resolve(this.records[0].id)
  }
}

/** Some records; their caller gets the ids in order, or {@link EnqueueManyError} when some could not be stored. */
export class Group implements Entry {
  left: number
  readonly #records: readonly NewJob[]
  readonly #resolve: (ids: string[]) => void
  readonly #reject: (error: Error) => void
  readonly #failures: Map<number, Error> = new Map()
  #unanswered: number

  constructor(records: readonly NewJob[], resolve: (ids: string[]) => void, reject: (error: Error) => void) {
    this.left = records.length
    this.#unanswered = records.length
    this.#records = records
    this.#resolve = resolve
    this.#reject = reject
  }

  take(room: number, records: NewJob[]): Share {
    const from = this.#records.length - this.left
    const count = Math.min(room, this.left)
    for (let i = from; i < from + count; i++) records.push(this.#records[i]!)
    this.left -= count
    return {
      count,
      answer: (answers, offset) => {
        for (let i = 0; i < count; i++) {
          const answer = answers[offset + i]!
          if (answer instanceof Error) this.#failures.set(from + i, withCode(answer))
        }
        this.#answered(count)
      },
    }
  }

  #answered(count: number): void {
    this.#unanswered -= count
    if (this.#unanswered > 0) return
    if (this.#failures.size === 0) this.#resolve(this.#records.map(({ id }) => id))
    else this.#reject(new EnqueueManyError(this.#records.map(({ id }, i) => this.#failures.get(i) ?? id)))
  }
}

/** What was taken from the queue at once. */
class InsertBatch implements Batch {
  readonly records: NewJob[] = []
  readonly #shares: Share[] = []

  /** Takes at most `room` records of the entry. */
  takeFrom(entry: Entry, room: number): void {
    this.#shares.push(entry.take(room, this.records))
  }

  answer(answers: readonly InsertAnswer[]): void {
    let offset = 0
    for (const share of this.#shares) {
      share.answer(answers, offset)
      offset += share.count
    }
  }
}

export function answerAll(batch: Batch, answer: InsertAnswer): void {
  batch.answer(new Array<InsertAnswer>(batch.records.length).fill(answer))
}

/** So many taken entries may be kept before what waits moves up. */
const MOST_TAKEN = 1_024

export class InsertQueue {
  #entries: Entry[] = []
  #head = 0
  #length = 0

  /** Records. */
  get length(): number {
    return this.#length
  }

  /** What came last, of those that wait. */
  get last(): Entry | undefined {
    return this.#entries[this.#entries.length - 1]
  }

  push(entry: Entry): void {
    this.#entries.push(entry)
    this.#length += entry.left
  }

  take(most: number): Batch {
    const batch = new InsertBatch()
    const { records } = batch
    while (records.length < most && this.#head < this.#entries.length) {
      const entry = this.#entries[this.#head]!
      batch.takeFrom(entry, most - records.length)
      if (entry.left === 0) this.#head++
    }
    this.#length -= records.length
    this.#forgetTaken()
    return batch
  }

  /** All that waits up to this entry, and with it; nothing when it was taken. */
  takeThrough(last: Entry): Batch {
    const end = this.#entries.indexOf(last, this.#head)
    let records = 0
    for (let i = this.#head; i <= end; i++) records += this.#entries[i]!.left
    return this.take(records)
  }

  /** While more comes than is taken the queue is never empty: what was taken must go all the same. */
  #forgetTaken(): void {
    if (this.#head === this.#entries.length) this.#entries = []
    else if (this.#head > MOST_TAKEN && this.#head * 2 > this.#entries.length)
      this.#entries = this.#entries.slice(this.#head)
    else return
    this.#head = 0
  }
}
