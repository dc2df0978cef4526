/**
 * Wakes between processes. A signal is a document at the end of a small capped collection, where a process waits with one cursor; one of a user's
 * transaction, which may not write there, is a document of its own, of which a change stream tells. Where there is no capped collection
 * all signals are such documents: one small one a key, whose change is the hint. Where nobody can wait for them they are asked for, more
 * often while something goes on.
 *
 * Wakes are hints: one may get lost with a connection, so every interruption counts as a wake of all. None is sent that no other process would hear.
 */
import { randomUUID } from 'node:crypto'
import { ClosedError } from '@sched/core/adapter'
import type { Document, Timestamp } from 'mongodb'
import { ChangeSource } from './change-source.ts'
import { keyUnder } from './collections.ts'
import type { Executor, MongoConnection } from './connection.ts'
import { type Feed, type FeedEvents, PART, type SignalDocument } from './feed.ts'
import { type LatestSignal, makeLatest } from './latest-signals.ts'
import { Listeners } from './listeners.ts'
import { ListeningFeed } from './listening-feed.ts'
import { PollFeed } from './poll-feed.ts'
import { TailSource } from './tail-source.ts'

export type OnWake = (key: string) => void

/** How long a transaction's signal lies there. */
const KEEP_MS = 60_000
/** Signals that come while one is being sent, or this soon after it, go together. */
const BURST_MS = 5
/** Those that come while nobody listens wait this long for a look whether still nobody does; while somebody does, that is looked for this seldom. */
const UNHEARD_MS = 200
const HEARD_MS = 10_000
/** How long closing waits for the last signals: they are hints. */
const LAST_MS = 1_000

export class Wakes {
  readonly #connection: MongoConnection
  readonly #id = randomUUID()
  readonly #watched = new Map<string, Set<OnWake>>()
  readonly #pending = new Set<string>()
  /** The watched ids whose watchers find work by themselves. */
  readonly #resting = new Set<string>()
  readonly #listeners: Listeners
  /** In front of every id. */
  readonly #start: string
  /** When we looked last nobody else listened. */
  #isUnheard = false
  #lookedAt = Number.NEGATIVE_INFINITY
  #sent = 0
  #sentAt = Number.NEGATIVE_INFINITY
  #sending: Promise<void> | undefined
  #hurry: (() => void) | undefined
  #feeds: Promise<readonly Feed[]> | undefined
  #hasLatest = false
  #closed = false

  constructor(connection: MongoConnection) {
    this.#connection = connection
    this.#start = keyUnder(connection.settings.prefix, '')
    const isListening = (): boolean => this.#watched.size > 0
    this.#listeners = new Listeners(connection, { id: this.#id, isListening })
  }

  /** Throws UNAVAILABLE, CLOSED. */
  async ready(): Promise<void> {
    this.#hasLatest = await makeLatest(this.#connection)
  }

  /** The document ids of what is watched. */
  get watchedIds(): readonly string[] {
    return [...this.#watched.keys()]
  }

  /** Calls `onWake` for hints about the keys. Resolves, once listening, to the way to stop. Throws UNAVAILABLE, CLOSED. */
  async watch(keys: Iterable<string>, onWake: OnWake): Promise<() => void> {
    if (this.#closed) throw new ClosedError('mongo')
    const ids = new Map<string, string>()
    for (const key of keys) ids.set(this.#idOf(key), key)
    const tell = (id: string): void => onWake(ids.get(id) ?? '')
    for (const id of ids.keys()) this.#watched.set(id, (this.#watched.get(id) ?? new Set()).add(tell))
    const stop = (): void => {
      for (const id of ids.keys()) {
        const listeners = this.#watched.get(id)
        listeners?.delete(tell)
        if (listeners?.size === 0) this.#watched.delete(id)
      }
    }
    try {
      if (!this.#listeners.isAnnounced) await this.#listeners.announce()
      this.#feeds ??= this.#open().catch((error: unknown) => {
        this.#feeds = undefined
        throw error
      })
      for (const feed of await this.#feeds) feed.stir()
    } catch (error) {
      stop()
      throw error
    }
    return stop
  }

  /** Tells everybody who watches these keys, soon; in this process at once. Nobody waits for it: it is a hint. */
  signal(keys: Iterable<string>): void {
    if (this.#closed) return
    const ids = Array.from(keys, (key) => this.#idOf(key))
    for (const id of ids) this.#tell(id)
    this.#sendSoon(ids)
  }

  /**
   * As `signal`, for work that was just sent and whose answer tells when the server wrote it: the signal goes beside it, so that it wakes while
   * the work still waits for the journal. A signal that the server wrote first may wake somebody too early, so another one follows then. In this process
   * the watchers are told when the work is done.
   */
  async signalBeside(keys: readonly string[], work: Promise<Written>): Promise<void> {
    if (this.#closed) return
    const ids = keys.map((key) => this.#idOf(key))
    const isAlone = !this.#isUnheard && this.#sending === undefined && this.#holdMs <= 0
    const early = isAlone ? this.#sendNow(ids) : undefined
    const { writtenAt } = await work
    for (const id of ids) this.#tell(id)
    const told = await early
    if (told === undefined || writtenAt === undefined || told.lessThanOrEqual(writtenAt)) this.#sendSoon(ids)
  }

  /** Tells them at the commit of the user's transaction, and not at all if it is rolled back. */
  async signalWithin(executor: Executor, keys: Iterable<string>): Promise<void> {
    const documents: SignalDocument[] = []
    for (const key of keys) {
      const _id = `${this.#idOf(key)}${PART}${randomUUID()}`
      documents.push({ _id, n: '', x: new Date(Date.now() + KEEP_MS) })
    }
    if (documents.length === 0) return
    await executor.run({ name: 'signal' }, () =>
      executor.collection<SignalDocument>('signals').insertMany(documents, executor.options),
    )
  }

  /**
   * Who watches these keys finds work by itself, until `attend`: when that holds for all that is watched, nobody listens to the server.
   * Afterwards everything counts as woken.
   */
  rest(keys: Iterable<string>): void {
    for (const key of keys) this.#resting.add(this.#idOf(key))
    if (!this.watchedIds.every((id) => this.#resting.has(id))) return
    this.#withFeeds((feed) => feed.rest())
  }

  attend(keys: Iterable<string>): void {
    for (const key of keys) this.#resting.delete(this.#idOf(key))
    this.#withFeeds((feed) => feed.stir())
  }

  /** Sends what is still to be sent, then stops listening. */
  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    this.#watched.clear()
    this.#hurry?.()
    await orAfter(Promise.all([this.#sending, this.#listeners.withdraw()]), LAST_MS)
    for (const feed of (await this.#feeds?.catch(() => [])) ?? []) feed.close()
  }

  #withFeeds(use: (feed: Feed) => void): void {
    this.#feeds?.then((feeds) => feeds.forEach(use)).catch(() => undefined)
  }

  #idOf(key: string): string {
    return this.#start + key
  }

  async #open(): Promise<readonly Feed[]> {
    const connection = this.#connection
    const events: FeedEvents = {
      onSignal: (id, n) => {
        if (!n.startsWith(this.#id)) this.#tell(id)
      },
      // what interrupted it may have deleted what says that we listen
      onGap: () => {
        const isSaid = this.#listeners.announce().catch(() => undefined)
        void isSaid.then(() => {
          for (const id of this.#watched.keys()) this.#tell(id)
        })
      },
    }
    const { replicated } = await connection.facts()
    const { changeStreams } = connection.settings
    const sources = [
      ...(this.#hasLatest ? [new TailSource(connection)] : []),
      ...(replicated ? [new ChangeSource(connection)] : []),
    ]
    // each that waits keeps a connection to itself
    const canWait =
      sources.length > 0 && connection.poolSize > sources.length && (changeStreams || !replicated)
    const feeds = canWait
      ? sources.map((source) => new ListeningFeed(connection, source, events))
      : [new PollFeed(connection, { watchedIds: () => this.watchedIds, hasLatest: this.#hasLatest }, events)]
    try {
      await Promise.all(feeds.map((feed) => feed.start()))
    } catch (error) {
      for (const feed of feeds) feed.close()
      throw error
    }
    return feeds
  }

  /** How long signals still go together with what comes. */
  get #holdMs(): number {
    const until = this.#isUnheard ? this.#lookedAt + UNHEARD_MS : this.#sentAt + BURST_MS
    return until - performance.now()
  }

  #sendSoon(ids: readonly string[]): void {
    for (const id of ids) this.#pending.add(id)
    if (this.#pending.size === 0) return
    this.#sending ??= this.#send().finally(() => {
      this.#sending = undefined
    })
  }

  async #send(): Promise<void> {
    while (this.#pending.size > 0) {
      if (this.#holdMs > 0 && !this.#closed) await this.#pause(this.#holdMs)
      const ids = [...this.#pending]
      this.#pending.clear()
      if (this.#isUnheard) await this.#lookForListeners()
      if (!this.#isUnheard) await this.#sendNow(ids)
    }
  }

  /** Resolves to when the server wrote it, if it did and tells. */
  async #sendNow(ids: readonly string[]): Promise<OpTime> {
    this.#sent++
    this.#sentAt = performance.now()
    const n = `${this.#id}:${this.#sent}`
    try {
      const command = this.#hasLatest ? this.#insertOf(ids, n) : this.#updateOf(ids, n)
      const sending = this.#connection.send({ name: 'signal' }, command)
      // nothing waits for it
      if (this.#sentAt - this.#lookedAt > HEARD_MS) void this.#lookForListeners()
      const { answer } = await sending
      return opTimeOf(answer)
    } catch {
      return undefined
    }
  }

  async #lookForListeners(): Promise<void> {
    this.#lookedAt = performance.now()
    try {
      this.#isUnheard = !(await this.#listeners.areThere())
    } catch {
      this.#isUnheard = false
    }
  }

  #insertOf(ids: readonly string[], n: string): Document {
    return {
      insert: this.#connection.nameOf('latest'),
      documents: ids.map((k): LatestSignal => ({ k, n })),
      writeConcern: { w: 1 },
    }
  }

  #updateOf(ids: readonly string[], n: string): Document {
    const { writeConcern, deadlineMs } = this.#connection.settings
    return {
      update: this.#connection.nameOf('signals'),
      updates: ids.map((_id) => ({ q: { _id }, u: { $set: { n } }, upsert: true })),
      ordered: false,
      // a change stream tells of what a majority has: asking for that makes the server write its journal at once
      writeConcern: { w: writeConcern, j: true, wtimeout: deadlineMs },
    }
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms)
      this.#hurry = () => {
        clearTimeout(timer)
        resolve()
      }
    })
  }

  #tell(id: string): void {
    const key = id.includes(PART) ? id.slice(0, id.indexOf(PART)) : id
    for (const tell of [...(this.#watched.get(key) ?? [])]) tell(key)
  }
}

/** When a write took its place in the oplog; undefined where there is none. */
export type OpTime = Timestamp | undefined

export interface Written {
  readonly writtenAt: OpTime
}

export function opTimeOf(answer: Document): OpTime {
  return (answer.opTime as { ts?: Timestamp } | undefined)?.ts
}

/** When it is done, or when so much time has passed. */
function orAfter(done: Promise<unknown>, ms: number): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms)
    void done.finally(() => {
      clearTimeout(timer)
      resolve()
    })
  })
}
