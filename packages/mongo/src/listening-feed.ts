/** A feed that waits at the server for signals. Where its source ends, it is opened anew, and whoever watches is told that there was a gap. */
import { setImmediate as aTurn } from 'node:timers/promises'
import type { MongoConnection } from './connection.ts'
import type { Feed, FeedEvents } from './feed.ts'

/** How long the server waits for a signal before it says that there was none. */
const LONGEST_AWAIT_MS = 10_000
/** Beyond that the connection is dead, however alive it looks. */
const GRACE_MS = 2_000
/** After a signal this passes before the next question: what it woke has its claim answered first, and what comes meanwhile is one answer. */
const BREATH_MS = 2
/** Sooner than this no server answers. */
const AT_ONCE_MS = 0.2
const FIRST_RETRY_MS = 20
const LONGEST_RETRY_MS = 2_000

const RESTS = new Error('the feed rests')

export interface Signal {
  readonly id: string
  readonly n: string
}

/** What a feed listens to. */
export interface SignalSource {
  /** For messages. */
  readonly name: string
  /** Resolves once the server listens. What was open is given up. */
  open(): Promise<void>
  /** The next signal; null when there was none for a while. At once and for ever null once it has ended. */
  next(): Promise<Signal | null>
  /** The next signal may have come with the last one. */
  readonly isAtHand: boolean
  drop(): void
}

/** Well within the time after which a quiet socket counts as dead. */
export function awaitMsOf({ settings }: MongoConnection): number {
  return Math.max(50, Math.min(LONGEST_AWAIT_MS, settings.deadlineMs / 2))
}

export class ListeningFeed implements Feed {
  readonly #connection: MongoConnection
  readonly #source: SignalSource
  readonly #events: FeedEvents
  #isOpen = false
  #wakeUp: (() => void) | undefined
  #resting = false
  #interrupt: (() => void) | undefined
  #closed = false

  constructor(connection: MongoConnection, source: SignalSource, events: FeedEvents) {
    this.#connection = connection
    this.#source = source
    this.#events = events
  }

  async start(): Promise<void> {
    await this.#connection.run({ name: 'subscribe', repeatable: true }, () => this.#open())
    void this.#loop()
  }

  stir(): void {
    if (!this.#resting) return
    this.#resting = false
    this.#wakeUp?.()
  }

  rest(): void {
    if (this.#closed) return
    this.#resting = true
    this.#interrupt?.()
    this.#drop()
  }

  close(): void {
    this.#closed = true
    this.#wakeUp?.()
    this.#drop()
  }

  async #open(): Promise<void> {
    await this.#source.open()
    this.#isOpen = true
    if (this.#closed) this.#drop()
  }

  #drop(): void {
    this.#isOpen = false
    this.#source.drop()
  }

  async #loop(): Promise<void> {
    let retryMs = FIRST_RETRY_MS
    let told = false
    while (!this.#closed) {
      try {
        if (!this.#isOpen && !this.#resting) {
          await this.#connection.run({ name: 'subscribe' }, () => this.#open())
          this.#events.onGap()
        }
        if (this.#resting) throw RESTS
        const signal = await this.#next()
        if (signal !== null) {
          this.#events.onSignal(signal.id, signal.n)
          await (this.#source.isAtHand ? aTurn() : this.#pause(BREATH_MS))
        }
        retryMs = FIRST_RETRY_MS
        told = false
      } catch (error) {
        this.#drop()
        if (this.#closed || this.#connection.closed) return
        if (error === RESTS || this.#resting) {
          await this.#untilStirred()
          continue
        }
        if (!told) {
          this.#connection.settings.logger.warn(
            `the MongoDB ${this.#source.name} was interrupted; it is opened anew`,
            { error },
          )
        }
        told = true
        await this.#pause(retryMs)
        retryMs = Math.min(retryMs * 2, LONGEST_RETRY_MS)
      }
    }
  }

  /** Rejects when the server said nothing in time, or the source has ended. */
  async #next(): Promise<Signal | null> {
    const { name } = this.#source
    let timer: NodeJS.Timeout | undefined
    const silence = new Promise<never>((_, reject) => {
      const limit = awaitMsOf(this.#connection) + Math.max(GRACE_MS, this.#connection.settings.deadlineMs)
      timer = setTimeout(() => reject(new Error(`the ${name} went quiet`)), limit)
      timer.unref()
    })
    const interrupted = new Promise<never>((_, reject) => {
      this.#interrupt = () => reject(RESTS)
    })
    const next = this.#source.next()
    // when silence won, nobody else looks at how it ends
    next.catch(() => undefined)
    try {
      const begun = performance.now()
      const signal = await Promise.race([next, silence, interrupted])
      if (signal === null && performance.now() - begun < AT_ONCE_MS) throw new Error(`the ${name} has ended`)
      return signal
    } finally {
      clearTimeout(timer)
    }
  }

  #untilStirred(): Promise<void> {
    return new Promise((resolve) => {
      this.#wakeUp = resolve
      if (!this.#resting) resolve()
    })
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms)
      this.#wakeUp = () => {
        clearTimeout(timer)
        resolve()
      }
    })
  }
}
