/** Listens on a channel of its own, on a connection of its own, for what the server hands over. What is said while nobody listens is not said. */
import { randomUUID } from 'node:crypto'
import type { Redis } from 'ioredis'
import type { Client } from './client.ts'
import { handOverChannel } from './keys.ts'

export interface ChannelOptions {
  /** Opens the connection that listens. */
  readonly open: () => Client
  /** The base of the scope's keys. */
  readonly base: string
  /** It listens from now on. */
  readonly onListening: () => void
}

const PING_EVERY_MS = 30_000
const PING_DEADLINE_MS = 2_000

export class HandOverChannel {
  readonly name: string
  readonly #options: ChannelOptions
  readonly #onMessage: (text: string) => void
  #client: Redis | undefined
  #isListening = false
  #pings: NodeJS.Timeout | undefined

  constructor(options: ChannelOptions, onMessage: (text: string) => void) {
    this.#options = options
    this.#onMessage = onMessage
    this.name = handOverChannel(options.base, randomUUID())
  }

  /** Begins to listen where it does not; true once it does. */
  listen(): boolean {
    if (this.#client === undefined) this.#connect()
    return this.#isListening
  }

  close(): void {
    clearInterval(this.#pings)
    this.#isListening = false
    this.#client?.disconnect()
  }

  #connect(): void {
    const client = this.#options.open() as Redis
    this.#client = client
    // the other connections tell of what is wrong with the server
    client.on('error', () => undefined)
    client.on('close', () => {
      this.#isListening = false
    })
    client.on('ready', () => {
      client.subscribe(this.name).then(
        () => {
          this.#isListening = true
          this.#options.onListening()
        },
        // a user who may not listen is handed nothing
        () => undefined,
      )
    })
    // of the other event the channel's name is made a text as well
    client.on('messageBuffer', (_channel: Buffer, text: Buffer) => this.#onMessage(text.toString()))
    client.connect().catch(() => undefined)
    this.#pings = setInterval(() => void this.#ping(client), PING_EVERY_MS)
    this.#pings.unref()
  }

  /** A connection that is dead without knowing it is replaced. */
  async #ping(client: Redis): Promise<void> {
    if (!this.#isListening) return
    const overdue = setTimeout(() => client.disconnect(true), PING_DEADLINE_MS)
    await client.ping().catch(() => undefined)
    clearTimeout(overdue)
  }
}
