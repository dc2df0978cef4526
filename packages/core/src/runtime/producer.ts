/**
 * The self-clocked batcher. While an insert is under way, whatever arrives is the next batch, so a lone enqueue costs one round trip, a
 * burst costs one per batch, and there are no timers. A store may like several inserts at once: it works on one while this process
 * reads the answer of the other and makes the next. A promise resolves when its batch is durable. A batch that the store rejects as a whole is
 * bisected, so that one bad record fails alone. An insert whose fate is unknown is repeated once with the same ids: what it made
 * already answers `exists`. What waits while the store is away rejects as well: see `#refuseStale`.
 */
import { type JobStore, MAX_BATCH, type NewJob } from '../contracts/job-store.ts'
import { ClosedError, SchedError, UnavailableError } from '../errors/sched-error.ts'
import type { Clock } from '../values/clock.ts'
import {
  answerAll,
  type Batch,
  EnqueueManyError,
  type Entry,
  Group,
  type InsertAnswer,
  InsertQueue,
  Single,
  withCode,
} from './insert-queue.ts'

/** After so many batches, or records, the event loop gets a turn, and with it this process's consumer: an in-process store answers without one. */
const BATCHES_A_TURN = 64
const RECORDS_A_TURN = MAX_BATCH
const REPEAT_AFTER_MS = 50
/** Fewer records are one call: a second one costs more than it saves. */
const SPLIT_FROM = 32
/** After so long without an answer of the store the next record is taken for one that comes alone. */
const QUIET_MS = 2
/** A call that was in vain for so long has found the store away. */
const AWAY_MS = 1_000

const RESOLVED = Promise.resolve()

export class Producer {
  /** Records may bring their payload as text. */
  readonly takesText: boolean
  readonly #store: JobStore
  readonly #clock: Clock
  readonly #mostCalls: number
  readonly #queue: InsertQueue = new InsertQueue()
  readonly #underWay: Set<Batch> = new Set()
  #recordsUnderWay = 0
  readonly #turn: () => void
  #turnPending = false
  /** The event loop has its turn first. */
  #isBreathing = false
  #batches = 0
  #stored = 0
  /** When the store last answered, by the clock that the id of a record was just made of: asking another one takes longer. */
  #answeredAt: number
  /** What the store answered last was one record. */
  #wasAlone = false
  #closed = false
  #draining: Promise<void> | undefined
  #onDrained: (() => void) | undefined

  constructor(store: JobStore, clock: Clock) {
    this.takesText = store.takesPayloadText === true
    this.#store = store
    this.#clock = clock
    this.#mostCalls = store.insertsAtOnce ?? 1
    this.#answeredAt = clock.now()
    this.#turn = () => {
      this.#turnPending = false
      this.#send()
    }
  }

  /** Resolves to the record's id once it is durable. */
  add(record: NewJob): Promise<string> {
    if (this.#closed) return Promise.reject(new ClosedError('the scheduler'))
    return new Promise((resolve, reject) => {
      const single = new Single(record, resolve, reject)
      if (this.#isQuiet()) this.#start(single)
      else {
        this.#queue.push(single)
        this.#sendSoon()
      }
    })
  }

  /** Resolves to the ids in order; rejects with {@link EnqueueManyError} when some could not be stored. */
  addMany(records: readonly NewJob[]): Promise<string[]> {
    if (records.length === 0) return Promise.resolve([])
    return new Promise((resolve, reject) => {
      this.#queue.push(new Group(records, resolve, reject))
      if (this.#closed) this.#refuseQueued()
      else this.#sendSoon()
    })
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
  close(): Promise<void> {
    this.#closed = true
    this.#draining ??= new Promise((resolve) => {
      this.#onDrained = resolve
      this.#drained()
    })
    return this.#draining
  }

  /** Nobody waits any longer: what was sent rejects UNAVAILABLE, `ambiguous`; what was not rejects CLOSED. */
  abandon(): void {
    this.#closed = true
    const error = new UnavailableError(
      'the scheduler stopped before the job store answered: the job may be stored',
      { ambiguous: true },
    )
    for (const batch of this.#underWay) answerAll(batch, error)
    this.#underWay.clear()
    this.#refuseQueued()
    this.#drained()
  }

  async #insertWithin(transaction: unknown, batch: readonly NewJob[]): Promise<readonly InsertAnswer[]> {
    try {
      return checked(batch, await this.#store.insert(batch, { transaction }))
    } catch (error) {
      throw withCode(error)
    }
  }

  /**
   * Nothing was stored for a while, or one record after another: what comes now goes at once, before its caller goes on. What else comes in the same go
   * follows beside it; a store that takes one insert at a time would have it wait, so there all go together.
   */
  #isQuiet(): boolean {
    return (
      this.#mostCalls > 1 &&
      this.#recordsUnderWay === 0 &&
      !this.#turnPending &&
      !this.#isBreathing &&
      (this.#wasAlone || Math.abs(this.#clock.now() - this.#answeredAt) >= QUIET_MS)
    )
  }

  /** A microtask later, so that everything enqueued in one go is one batch, also by those whom one batch has answered. */
  #sendSoon(): void {
    if (this.#turnPending) return
    this.#turnPending = true
    void RESOLVED.then(this.#turn)
  }

  #send(): void {
    for (;;) {
      const size = this.#nextSize()
      if (size === 0) return
      this.#start(this.#queue.take(size))
    }
  }

  #start(batch: Batch): void {
    const { records } = batch
    const behind = this.#queue.last
    const since = behind ? this.#clock.monotonic() : 0
    this.#underWay.add(batch)
    this.#recordsUnderWay += records.length
    let inserting: Promise<readonly InsertAnswer[]>
    try {
      inserting = this.#store.insert(records)
    } catch (error) {
      inserting = Promise.reject(error)
    }
    inserting.then(
      (answers) => this.#answered(batch, answers, behind, since),
      async (error) => {
        this.#answered(batch, await this.#afterFailure(records, error, true), behind, since)
      },
    )
  }

  /** Beside a call under way only for half as much as that carries: else calls of 99 and of 1 would follow each other for ever. */
  #nextSize(): number {
    const { length } = this.#queue
    const free = this.#mostCalls - this.#underWay.size
    if (length === 0 || free === 0 || this.#isBreathing || length * 2 < this.#recordsUnderWay) return 0
    return Math.min(MAX_BATCH, length < SPLIT_FROM ? length : Math.ceil(length / free))
  }

  /** `behind`: what waited last when the call began, at `since`: all up to it has waited for longer than the call took. */
  #answered(batch: Batch, given: readonly InsertAnswer[], behind: Entry | undefined, since: number): void {
    // else nobody waits any longer
    if (!this.#underWay.delete(batch)) return
    const { records } = batch
    const answers = checked(records, given)
    this.#answeredAt = this.#clock.now()
    this.#wasAlone = records.length === 1
    this.#recordsUnderWay -= records.length
    batch.answer(answers)
    if (behind && this.#clock.monotonic() - since >= AWAY_MS) this.#refuseStale(behind, answers)
    if (this.#turnIsDue(records.length)) this.#breathe()
    else if (this.#queue.length > 0) this.#sendSoon()
    this.#drained()
  }

  #breathe(): void {
    this.#isBreathing = true
    setImmediate(() => {
      this.#isBreathing = false
      this.#send()
    })
  }

  #turnIsDue(stored: number): boolean {
    this.#batches++
    this.#stored += stored
    if (this.#batches < BATCHES_A_TURN && this.#stored < RECORDS_A_TURN) return false
    this.#batches = 0
    this.#stored = 0
    return true
  }

  #drained(): void {
    if (this.#onDrained && this.#queue.length === 0 && this.#underWay.size === 0) this.#onDrained()
  }

  /**
   * While a store is away each call takes its whole deadline to find that out, so what waits behind calls would wait for many of them, and
   * grow. So whoever waited already when a call in vain began hears the same: nobody waits for more than two calls.
   */
  #refuseStale(behind: Entry, answers: readonly InsertAnswer[]): void {
    if (!answers.every(isUnavailable)) return
    const { message } = answers[0] as SchedError
    answerAll(
      this.#queue.takeThrough(behind),
      new UnavailableError(`not sent, since jobs before it failed: ${message}`, { cause: answers[0] }),
    )
  }

  #refuseQueued(): void {
    while (this.#queue.length > 0) answerAll(this.#queue.take(MAX_BATCH), new ClosedError('the scheduler'))
  }

  async #insert(records: readonly NewJob[], repeat: boolean): Promise<readonly InsertAnswer[]> {
    try {
      return checked(records, await this.#store.insert(records))
    } catch (error) {
      return this.#afterFailure(records, error, repeat)
    }
  }

  async #afterFailure(
    records: readonly NewJob[],
    thrown: unknown,
    repeat: boolean,
  ): Promise<readonly InsertAnswer[]> {
    const error = withCode(thrown)
    if (isUnavailable(error)) {
      if (!(repeat && error.ambiguous)) return records.map(() => error)
      await new Promise<void>((resolve) => this.#clock.after(REPEAT_AFTER_MS, resolve))
      return this.#repeat(records, error)
    }
    if (records.length === 1 || !isOfOneRecord(error)) return records.map(() => error)
    const middle = records.length >> 1
    const left = await this.#insert(records.slice(0, middle), true)
    return [...left, ...(await this.#insert(records.slice(middle), true))]
  }

  /** Whatever the repetition says, the first insert may have been applied: a failure stays ambiguous. */
  async #repeat(records: readonly NewJob[], first: SchedError): Promise<readonly InsertAnswer[]> {
    const again = records.map((record) => (record.fresh ? { ...record, fresh: false } : record))
    const answers = await this.#insert(again, false)
    return answers.map((answer) => (isUnavailable(answer) && !answer.ambiguous ? first : answer))
  }
}

function isUnavailable(error: unknown): error is SchedError {
  return error instanceof SchedError && error.code === 'UNAVAILABLE'
}

/** Something is wrong with one of the records, and the others may pass without it. */
function isOfOneRecord({ code }: SchedError): boolean {
  return code === 'INVALID_ARGUMENT' || code === 'VALUE_UNSERIALIZABLE' || code === 'VALUE_TOO_LARGE'
}

/** A store that answers for fewer records than it got would leave callers waiting forever. */
function checked(records: readonly NewJob[], answers: readonly InsertAnswer[]): readonly InsertAnswer[] {
  if (answers.length === records.length) return answers
  const error = new SchedError(
    'ADAPTER_INVALID',
    `the job store answered for ${answers.length} of ${records.length} inserts: every insert needs its answer`,
  )
  return records.map(() => error)
}
