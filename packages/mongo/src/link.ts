/**
 * The client behind a connection. One of ours is connected before the first call: the driver's own first connect, when it fails, leaves a
 * client that never connects again. A client of the user's is taken as it is.
 */
import type { Db, MongoClient } from 'mongodb'
import { databaseOf, databaseOptions, openClient, ownsClient } from './client.ts'
import type { MongoSource, Settings } from './options.ts'
import { type ServerWatch, watchOf } from './server-watch.ts'

/** `close()` does not wait longer for a server that does not answer. */
const CLOSE_MS = 2_000

export class Link {
  readonly ownsClient: boolean
  readonly #source: MongoSource
  readonly #settings: Settings
  #client: MongoClient
  #db: Db
  #watch: ServerWatch
  #isConnected: boolean
  #connecting: Promise<void> | undefined
  #isClosed = false

  /** Throws INVALID_ARGUMENT. */
  constructor(source: MongoSource, settings: Settings) {
    this.#source = source
    this.#settings = settings
    this.ownsClient = ownsClient(source)
    this.#isConnected = !this.ownsClient
    this.#client = openClient(source, settings)
    this.#watch = watchOf(this.#client)
    this.#db = this.#openDb()
  }

  get client(): MongoClient {
    return this.#client
  }

  get db(): Db {
    return this.#db
  }

  get watch(): ServerWatch {
    return this.#watch
  }

  /** Undefined when there is nothing to wait for. A failure is not kept: the next call connects anew. */
  connect(): Promise<void> | undefined {
    if (this.#isConnected) return undefined
    this.#connecting ??= this.#connect().finally(() => {
      this.#connecting = undefined
    })
    return this.#connecting
  }

  /** A client of the user's stays open. */
  async close(): Promise<void> {
    this.#isClosed = true
    if (!this.ownsClient) return
    let timer: NodeJS.Timeout | undefined
    const patience = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, Math.min(CLOSE_MS, this.#settings.deadlineMs))
    })
    await Promise.race([this.#client.close().catch(() => undefined), patience])
    clearTimeout(timer)
  }

  #openDb(): Db {
    return this.#client.db(databaseOf(this.#source, this.#settings), databaseOptions(this.#settings))
  }

  async #connect(): Promise<void> {
    const client = this.#client
    const { lost, stop } = this.watch.hopeless()
    let isLost = false
    lost.catch(() => {
      isLost = true
    })
    try {
      await Promise.race([client.connect(), lost])
      this.#isConnected = true
    } catch (error) {
      // the driver would wait to its own time-out
      if (isLost) this.#renew()
      throw error
    } finally {
      stop()
      // a client that had not begun when it was closed connects all the same
      if (this.#isClosed) client.close().catch(() => undefined)
    }
  }

  #renew(): void {
    this.#client.close().catch(() => undefined)
    this.#client = openClient(this.#source, this.#settings)
    this.#watch = watchOf(this.#client)
    this.#db = this.#openDb()
  }
}
