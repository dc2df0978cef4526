/** Signals by asking for the watched ones, where nobody can wait for them: seldom while nothing goes on. */
import type { MongoConnection } from './connection.ts'
import { type Feed, type FeedEvents, PART, type SignalDocument } from './feed.ts'
import type { LatestSignal } from './latest-signals.ts'
import type { Signal } from './listening-feed.ts'

const SHORTEST_MS = 20
/** An idle process asks this seldom. */
const LONGEST_MS = 2_000
const GROWTH = 1.5

export interface Watched {
  readonly watchedIds: () => readonly string[]
  /** Signals are written to the latest ones. */
  readonly hasLatest: boolean
}

export class PollFeed implements Feed {
  readonly #connection: MongoConnection
  readonly #watched: Watched
  readonly #events: FeedEvents
  /** Where and whom it wakes → what it said when it was last seen. */
  #seen = new Map<string, string>()
  #timer: NodeJS.Timeout | undefined
  #everyMs = SHORTEST_MS
  #looking = false
  #closed = false

  constructor(connection: MongoConnection, watched: Watched, events: FeedEvents) {
    this.#connection = connection
    this.#watched = watched
    this.#events = events
  }

  async start(): Promise<void> {
    this.#connection.settings.logger.info(
      'nobody can wait for signals here: news of jobs is polled for, up to two seconds apart when idle',
    )
    await this.#look()
  }

  stir(): void {
    this.#everyMs = SHORTEST_MS
    if (!this.#looking) this.#arm()
  }

  rest(): void {
    clearTimeout(this.#timer)
  }

  close(): void {
    this.#closed = true
    clearTimeout(this.#timer)
  }

  #arm(): void {
    clearTimeout(this.#timer)
    if (this.#closed) return
    this.#timer = setTimeout(() => this.#poll(), this.#everyMs)
    this.#timer.unref()
    this.#everyMs = Math.min(this.#everyMs * GROWTH, LONGEST_MS)
  }

  #poll(): void {
    this.#looking = true
    this.#look()
      .catch(() => {
        // what was missed meanwhile is found by looking once it works again
        if (!this.#closed) this.#events.onGap()
      })
      .finally(() => {
        this.#looking = false
        this.#arm()
      })
  }

  async #look(): Promise<void> {
    const ids = this.#watched.watchedIds()
    if (ids.length === 0) return
    const [documents, latest] = await Promise.all([
      this.#documentsOf(ids),
      this.#watched.hasLatest ? this.#latestOf(ids) : [],
    ])
    const before = this.#seen
    this.#seen = new Map()
    for (const { _id, n } of documents) this.#see(before, `document ${_id}`, { id: _id, n })
    // the last of each stands
    for (const [id, n] of new Map(latest.map(({ k, n }) => [k, n])))
      this.#see(before, `latest ${id}`, { id, n })
  }

  #see(before: ReadonlyMap<string, string>, key: string, { id, n }: Signal): void {
    this.#seen.set(key, n)
    if (before.get(key) === n) return
    this.#everyMs = SHORTEST_MS
    this.#events.onSignal(id, n)
  }

  #documentsOf(ids: readonly string[]): Promise<readonly SignalDocument[]> {
    return this.#connection.run({ name: 'poll signals', repeatable: true }, () =>
      this.#connection
        .collection<SignalDocument>('signals')
        .find({
          $or: ids.flatMap((id) => [{ _id: id }, { _id: { $gt: `${id}${PART}`, $lt: `${id}\u0001` } }]),
        })
        .project<SignalDocument>({ n: 1 })
        .toArray(),
    )
  }

  #latestOf(ids: readonly string[]): Promise<readonly LatestSignal[]> {
    return this.#connection.run({ name: 'poll signals', repeatable: true }, () =>
      this.#connection
        .collection<LatestSignal>('latest')
        .find({ k: { $in: [...ids] } })
        .project<LatestSignal>({ k: 1, n: 1 })
        .toArray(),
    )
  }
}
