/**
 * The self-clocked batcher. One insert is in flight; whatever arrives meanwhile is the next batch, so a lone enqueue costs one round
 * trip, a burst costs one per batch, and there are no timers. A promise resolves when its batch is durable. A batch that the store
 * rejects as a whole is bisected, so that one bad record fails alone. An insert whose fate is unknown is repeated once with the same
 * ids: what it made already answers `exists`.
 */
import { type JobStore, MAX_BATCH, type NewJob } from '../contracts/job-store.ts'
import { ClosedError, SchedError, UnavailableError } from '../errors/sched-error.ts'
import type { Clock } from '../values/clock.ts'

type Answer = 'inserted' | 'exists' | Error

/** Records, and who waits for their answers: they come in the order of the records, a stretch at a time. */
interface Entry {
  readonly records: readonly NewJob[]
  /** `count` of its answers, which begin at `offset`. */
  answer(answers: readonly Answer[], offset: number, count: number): void
}

/** A part of a batch: `count` records of one entry. */
interface Stretch {
  readonly entry: Entry
  readonly count: number
}

/** After so many batches, or records, the event loop gets a turn, and with it this process's consumer: an in-process store answers without one. */
const BATCHES_A_TURN = 64
const RECORDS_A_TURN = MAX_BATCH
const REPEAT_AFTER_MS = 50

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

class Single implements Entry {
  readonly records: readonly NewJob[]
  readonly #resolve: (id: string) => void
  readonly #reject: (error: Error) => void

  constructor(record: NewJob, resolve: (id: string) => void, reject: (error: Error) => void) {
    this.records = [record]
    this.#resolve = resolve
    this.#reject = reject
  }

  answer(answers: readonly Answer[], offset: number): void {
    const answer = answers[offset]!
    if (answer instanceof Error) this.#reject(withCode(answer))
    else this.#resolve(this.records[0]!.id)
  }
}

class Group implements Entry {
  readonly records: readonly NewJob[]
  readonly #resolve: (ids: string[]) => void
  readonly #reject: (error: Error) => void
  readonly #failures: Map<number, Error> = new Map()
  #answered = 0

  constructor(records: readonly NewJob[], resolve: (ids: string[]) => void, reject: (error: Error) => void) {
    this.records = records
    this.#resolve = resolve
    this.#reject = reject
  }

  answer(answers: readonly Answer[], offset: number, count: number): void {
    for (let i = 0; i < count; i++) {
      const answer = answers[offset + i]!
      if (answer instanceof Error) this.#failures.set(this.#answered + i, withCode(answer))
    }
    this.#answered += count
    if (this.#answered < this.records.length) return
    if (this.#failures.size === 0) this.#resolve(this.records.map(({ id }) => id))
    else this.#reject(new EnqueueManyError(this.records.map(({ id }, i) => this.#failures.get(i) ?? id)))
  }
}

export class Producer {
  readonly #store: JobStore
  readonly #clock: Clock
  #entries: Entry[] = []
  /** Where the entries not taken yet begin, and the records of the first of them. */
  #head = 0
  #from = 0
  #batches = 0
  #stored = 0
  #flushing: Promise<void> | undefined
  #closed = false
  #gone = false
  /** Ends the wait for the batch under way. */
  #abandoned: ((error: UnavailableError) => void) | undefined

  constructor(store: JobStore, clock: Clock) {
    this.#store = store
    this.#clock = clock
  }

  /** Resolves to the record's id once it is durable. */
  add(record: NewJob): Promise<string> {
    return new Promise((resolve, reject) => this.#push(new Single(record, resolve, reject)))
  }

  /** Resolves to the ids in order; rejects with {@link EnqueueManyError} when some could not be stored. */
  addMany(records: readonly NewJob[]): Promise<string[]> {
    if (records.length === 0) return Promise.resolve([])
    return new Promise((resolve, reject) => this.#push(new Group(records, resolve, reject)))
  }

  /** Inside the caller's transaction: its own call, and no repeats, because only the caller can end the transaction. */
  async addWithin(transaction: unknown, records: readonly NewJob[]): Promise<string[]> {
    if (this.#closed) throw new ClosedError('the scheduler')
    const results: (string | Error)[] = []
    for (let from = 0; from < records.length; from += MAX_BATCH) {
      const batch = records.slice(from, from + MAX_BATCH)
      const answers = await this.#insertWithin(transaction, batch)
      for (let i = 0; i < batch.length; i++) {
        const answer = answers[i]!
        results.push(answer instanceof Error ? withCode(answer) : batch[i]!.id)
      }
    }
    if (results.some((result) => result instanceof Error)) throw new EnqueueManyError(results)
    return results as string[]
  }

  /** Takes no more; resolves when what was taken is stored or rejected. */
  async close(): Promise<void> {
    this.#closed = true
    await this.#flushing
  }

  /** Nobody waits any longer: what was sent rejects UNAVAILABLE, `ambiguous`; what was not rejects CLOSED. */
  abandon(): void {
    this.#closed = true
    this.#gone = true
    this.#abandoned?.(
      new UnavailableError('the scheduler stopped before the job store answered: the job may be stored', {
        ambiguous: true,
      }),
    )
  }

  async #insertWithin(transaction: unknown, batch: readonly NewJob[]): Promise<readonly Answer[]> {
    try {
      return checked(batch, await this.#store.insert(batch, { transaction }))
    } catch (error) {
      throw withCode(error)
    }
  }

  #push(entry: Entry): void {
    if (this.#closed) {
      const { length } = entry.records
      entry.answer(closedAnswers(length), 0, length)
      return
    }
    this.#entries.push(entry)
    // a microtask later, so that everything enqueued in one go is one batch
    this.#flushing ??= Promise.resolve().then(() => this.#flush())
  }

  async #flush(): Promise<void> {
    while (this.#head < this.#entries.length) {
      const stretches: Stretch[] = []
      const records = this.#take(stretches)
      const answers = await this.#answers(records)
      let offset = 0
      for (const { entry, count } of stretches) {
        entry.answer(answers, offset, count)
        offset += count
      }
      // those who waited for this batch may enqueue again at once: let them join the next
      await (this.#turnIsDue(records.length) ? new Promise((resolve) => setImmediate(resolve)) : undefined)
    }
    this.#flushing = undefined
  }

  /** The store's answers, unless nobody waits for them any longer. */
  #answers(records: readonly NewJob[]): Promise<readonly Answer[]> {
    if (this.#gone) return Promise.resolve(closedAnswers(records.length))
    return new Promise((resolve, reject) => {
      this.#abandoned = (error) => resolve(records.map(() => error))
      this.#insert(records).then(resolve, reject)
    })
  }

  /** The records of the next batch, and whose they are. */
  #take(stretches: Stretch[]): readonly NewJob[] {
    const records: NewJob[] = []
    while (records.length < MAX_BATCH && this.#head < this.#entries.length) {
      const entry = this.#entries[this.#head]!
      const from = this.#from
      const until = Math.min(entry.records.length, from + MAX_BATCH - records.length)
      for (let i = from; i < until; i++) records.push(entry.records[i]!)
      stretches.push({ entry, count: until - from })
      this.#from = until
      if (until < entry.records.length) return records
      this.#head++
      this.#from = 0
    }
    if (this.#head === this.#entries.length) {
      this.#entries = []
      this.#head = 0
    }
    return records
  }

  #turnIsDue(stored: number): boolean {
    this.#batches++
    this.#stored += stored
    if (this.#batches < BATCHES_A_TURN && this.#stored < RECORDS_A_TURN) return false
    this.#batches = 0
    this.#stored = 0
    return true
  }

  async #insert(records: readonly NewJob[], repeat = true): Promise<readonly Answer[]> {
    try {
      return checked(records, await this.#store.insert(records))
    } catch (thrown) {
      const error = withCode(thrown)
      if (isUnavailable(error)) {
        if (!(repeat && error.ambiguous)) return records.map(() => error)
        await new Promise<void>((resolve) => this.#clock.after(REPEAT_AFTER_MS, resolve))
        return this.#repeat(records, error)
      }
      if (records.length === 1 || !isOfOneRecord(error)) return records.map(() => error)
      const middle = records.length >> 1
      const left = await this.#insert(records.slice(0, middle))
      return [...left, ...(await this.#insert(records.slice(middle)))]
    }
  }

  /** Whatever the repetition says, the first insert may have been applied: a failure stays ambiguous. */
  async #repeat(records: readonly NewJob[], first: SchedError): Promise<readonly Answer[]> {
    const answers = await this.#insert(records, false)
    return answers.map((answer) => (isUnavailable(answer) && !answer.ambiguous ? first : answer))
  }
}

function isUnavailable(error: unknown): error is SchedError {
  return error instanceof SchedError && error.code === 'UNAVAILABLE'
}

function closedAnswers(count: number): readonly Answer[] {
  return new Array<Answer>(count).fill(new ClosedError('the scheduler'))
}

/** Something is wrong with one of the records, and the others may pass without it. */
function isOfOneRecord({ code }: SchedError): boolean {
  return code === 'INVALID_ARGUMENT' || code === 'VALUE_UNSERIALIZABLE' || code === 'VALUE_TOO_LARGE'
}

/** What an adapter threw that is no error of ours tells nothing about what was done. */
function withCode(error: unknown): SchedError {
  if (error instanceof SchedError) return error
  return new UnavailableError(
    'the job store failed, and it is not known whether the jobs are stored: see `cause`',
    {
      cause: error,
      ambiguous: true,
    },
  )
}

/** A store that answers for fewer records than it got would leave callers waiting forever. */
function checked(records: readonly NewJob[], answers: readonly Answer[]): readonly Answer[] {
  if (answers.length === records.length) return answers
  throw new SchedError(
    'ADAPTER_INVALID',
    `the job store answered for ${answers.length} of ${records.length} inserts: every insert needs its answer`,
  )
}
