/** Signals from a cursor that waits at the end of the latest ones. */
import { randomUUID } from 'node:crypto'
import type { FindCursor } from 'mongodb'
import { rangeOf } from './collections.ts'
import type { MongoConnection } from './connection.ts'
import { type LatestSignal, makeLatest } from './latest-signals.ts'
import { awaitMsOf, type Signal, type SignalSource } from './listening-feed.ts'

export class TailSource implements SignalSource {
  readonly name = 'cursor on signals'
  readonly #connection: MongoConnection
  #cursor: FindCursor<LatestSignal> | undefined
  #isThere = true

  constructor(connection: MongoConnection) {
    this.#connection = connection
  }

  /** Such a cursor begins with the oldest: a mark tells it where the new ones begin. An empty collection would end it at once. */
  async open(): Promise<void> {
    this.drop()
    if (!this.#isThere && !(await makeLatest(this.#connection)))
      throw new Error('the collection of the latest signals is not capped')
    this.#isThere = false
    const latest = this.#connection.quickCollection<LatestSignal>('latest')
    const [from, below] = rangeOf(this.#connection.settings.prefix)
    const mark: LatestSignal = { k: '', n: randomUUID() }
    await latest.insertOne({ ...mark })
    const cursor = latest.find(
      { $or: [{ k: { $gte: from, $lt: below } }, mark] },
      { tailable: true, awaitData: true, maxAwaitTimeMS: awaitMsOf(this.#connection) },
    )
    this.#cursor = cursor
    for (let n: string | undefined; n !== mark.n; ) {
      n = (await cursor.tryNext())?.n
      if (n === undefined) throw new Error('more signals came than there is room for')
    }
    this.#isThere = true
  }

  /** Rejects also when so much was written that its place in the collection is gone. */
  async next(): Promise<Signal | null> {
    const signal = await (this.#cursor as FindCursor<LatestSignal>).tryNext()
    return signal && { id: signal.k, n: signal.n }
  }

  get isAtHand(): boolean {
    return (this.#cursor?.bufferedCount() ?? 0) > 0
  }

  drop(): void {
    this.#cursor?.close().catch(() => undefined)
    this.#cursor = undefined
  }
}
