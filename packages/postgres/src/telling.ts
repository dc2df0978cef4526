/**
 * NOTIFY, as seldom as it does any good. A commit that comes after a quiet time carries its wakes, which is the soonest. Then there is a
 * rest, because each NOTIFY holds a lock of the whole server until its commit is on disk: in every transaction it would queue all commits.
 * What the rest has held back goes with the next commit, or, when none is under way, by a statement of its own.
 */
import { randomUUID } from 'node:crypto'
import type { Database } from './database.ts'
import { JOBS } from './statements.ts'

/** NOTIFY takes less than 8,000 bytes. */
const PAYLOAD_BYTES = 7_000
/** Between the beginnings of two NOTIFYs. */
const REST_MS = 3
/** So long after a rest commits may take along what it held back. */
const RIDE_MS = 2

/** The parameters of `pg_notify`. */
export type Notification = readonly [channel: string, payload: string]

/** `isHandedOver`: the job went to a worker that waits, and nobody is to be woken for it. */
export interface Committed<T> {
  readonly answer: T
  readonly isHandedOver: boolean
}

export class Telling {
  readonly channel: string
  readonly #database: Database
  readonly #self: string = randomUUID().slice(0, 8)
  readonly #untold = new Set<string>()
  /** The timer of a rest, or of the time after it. */
  #timer: NodeJS.Timeout | undefined
  #resting = false
  /** Commits that carry, or would rather have carried, a wake. */
  #underWay = 0
  #sending: Promise<void> | undefined
  #closed = false

  constructor(database: Database) {
    this.#database = database
    this.channel = `sched_${database.tag}`
  }

  /** The keys in a payload that another process sent; of its own, or none, where this process was told already. */
  keysOf(payload: string): readonly string[] {
    const [from, ...keys] = payload.split(',')
    return from === this.#self ? [] : keys
  }

  /** After a commit. Never rejects. */
  tell(keys: Iterable<string>): void {
    if (this.#isOff) return
    for (const key of keys) this.#untold.add(key)
    if (!this.#resting) this.#send()
  }

  /** `commit` gets what it is to notify, or nothing while there is a rest. One that hands over notifies of that instead. */
  async withCommit<T>(
    keys: readonly string[],
    commit: (notification: Notification | undefined) => Promise<Committed<T>>,
  ): Promise<Committed<T>> {
    const carried = this.#resting || this.#isOff ? undefined : this.#take(keys)
    if (carried !== undefined) this.#rest()
    this.#underWay++
    // it may have been committed, and a wake too many costs a look
    let untold = carried ?? keys
    try {
      const committed = await commit(carried && [this.channel, payloadOf(this.#self, carried)])
      if (committed.isHandedOver) untold = untold.filter((key) => !keys.includes(key))
      else if (carried !== undefined) untold = []
      return committed
    } finally {
      this.#underWay--
      if (untold.length > 0) this.#later(untold)
    }
  }

  /** Inside a transaction of the user's, which may commit at any time: this process hears of it like all others. */
  withCommitOf(keys: readonly string[]): Notification | undefined {
    return this.#isOff ? undefined : [this.channel, payloadOf('', keys)]
  }

  /** What is not told yet is told before. */
  async close(): Promise<void> {
    this.#closed = true
    clearTimeout(this.#timer)
    await this.#sending
    while (this.#untold.size > 0) await this.#notify()
  }

  get #isOff(): boolean {
    return this.#closed || this.#database.settings.listen === false
  }

  #later(keys: readonly string[]): void {
    if (this.#isOff) return
    for (const key of keys) this.#untold.add(key)
    if (!this.#resting) this.#awaitRide()
  }

  /** As many keys as fit, those that waited before the others. */
  #take(keys: readonly string[] = []): readonly string[] {
    for (const key of keys) this.#untold.add(key)
    const taken: string[] = []
    let bytes = this.#self.length
    for (const key of this.#untold) {
      bytes += key.length + 1
      if (bytes >= PAYLOAD_BYTES) break
      taken.push(key)
      this.#untold.delete(key)
    }
    return taken
  }

  #rest(): void {
    clearTimeout(this.#timer)
    this.#resting = true
    this.#timer = setTimeout(() => {
      this.#timer = undefined
      this.#resting = false
      if (this.#untold.size === 0) return
      if (this.#underWay > 0) this.#awaitRide()
      else this.#send()
    }, REST_MS)
  }

  #awaitRide(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined
      if (!this.#resting && this.#untold.size > 0) this.#send()
    }, RIDE_MS)
  }

  #send(): void {
    this.#rest()
    this.#sending = Promise.all([this.#sending, this.#notify()]).then(() => undefined)
  }

  async #notify(): Promise<void> {
    const keys = this.#take()
    try {
      await this.#database.run(JOBS.notify, [this.channel, payloadOf(this.#self, keys)])
    } catch (error) {
      // a hint that is lost costs time only
      if (!this.#closed)
        this.#database.settings.logger.debug('a wake could not be told to other processes', { error })
    }
  }
}

function payloadOf(from: string, keys: readonly string[]): string {
  return [from, ...keys].join(',')
}
