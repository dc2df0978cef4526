/**
 * Who listens for signals. A process says so before it begins to, in a document that it renews: where no other one listens nobody need send any.
 *
 * A look that finds nobody speaks for whatever was done before it began, since who listens later looks by itself for what is there already.
 */
import { rangeOf } from './collections.ts'
import type { MongoConnection } from './connection.ts'
import type { SignalDocument } from './feed.ts'

/** How long it stands after the process has died; and how often it is renewed, should somebody have deleted it. */
const KEEP_MS = 3_600_000
const RENEW_MS = 60_000
/** In front of a prefix' range, so it is in none: no stream tells of it, and no reset deletes it. */
const START = 'l:'

export interface Listener {
  readonly id: string
  readonly isListening: () => boolean
}

export class Listeners {
  readonly #connection: MongoConnection
  readonly #self: Listener
  readonly #from: string
  readonly #below: string
  #renewal: NodeJS.Timeout | undefined
  #announcedAt = Number.NEGATIVE_INFINITY

  constructor(connection: MongoConnection, self: Listener) {
    this.#connection = connection
    this.#self = self
    const [from, below] = rangeOf(connection.settings.prefix)
    this.#from = START + from
    this.#below = START + below
  }

  /** Others see this process for a good while yet. */
  get isAnnounced(): boolean {
    return performance.now() - this.#announcedAt < KEEP_MS / 2
  }

  /** Resolves once others see that this process listens. Throws UNAVAILABLE, CLOSED. */
  async announce(): Promise<void> {
    const at = performance.now()
    const x = new Date(Date.now() + KEEP_MS)
    await this.#connection.run({ name: 'announce', repeatable: true }, () =>
      this.#documents.updateOne({ _id: this.#ownId }, { $set: { n: '', x } }, { upsert: true }),
    )
    this.#announcedAt = at
    this.#renewal ??= setInterval(() => this.#renew(), RENEW_MS).unref()
  }

  /** Whether another process listens. Throws UNAVAILABLE, CLOSED. */
  async areThere(): Promise<boolean> {
    const others = { $gte: this.#from, $lt: this.#below, $ne: this.#ownId }
    const found = await this.#connection.run({ name: 'listeners', repeatable: true }, () =>
      this.#documents.findOne({ _id: others }, { projection: { _id: 1 } }),
    )
    return found !== null
  }

  /** Nobody waits for it: what is left goes by itself. */
  async withdraw(): Promise<void> {
    clearInterval(this.#renewal)
    if (!this.isAnnounced) return
    this.#announcedAt = Number.NEGATIVE_INFINITY
    await this.#connection
      .run({ name: 'withdraw', repeatable: true }, () => this.#documents.deleteOne({ _id: this.#ownId }))
      .catch(() => undefined)
  }

  get #documents() {
    return this.#connection.collection<SignalDocument>('signals')
  }

  get #ownId(): string {
    return `${this.#from}${this.#self.id}`
  }

  #renew(): void {
    if (this.#self.isListening()) this.announce().catch(() => undefined)
  }
}
