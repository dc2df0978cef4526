/**
 * Listens on a channel of its own, on a connection of its own, for what the server hands over. What is said while nobody listens is not said. What is
 * said once may be told twice.
 */
import { randomUUID } from 'node:crypto'
import type { Redis } from 'ioredis'
import { type Client, endClient } from './client.ts'
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
  /** How a message begins, after `*`, or `>` of the newer protocol, up to the length of its text. */
  readonly #start: string
  readonly #startBytes: number
  #client: Redis | undefined
  #isListening = false
  #pings: NodeJS.Timeout | undefined

  constructor(options: ChannelOptions, onMessage: (text: string) => void) {
    this.#options = options
    this.#onMessage = onMessage
    this.name = handOverChannel(options.base, randomUUID())
    this.#start = `3\r\n$7\r\nmessage\r\n$${Buffer.byteLength(this.name)}\r\n${this.name}\r\n$`
    this.#startBytes = Buffer.byteLength(this.#start)
  }

  /** Begins to listen where it does not; true once it does. */
  listen(): boolean {
    if (this.#client === undefined) this.#connect()
    return this.#isListening
  }

  close(): void {
    clearInterval(this.#pings)
    this.#isListening = false
    if (this.#client !== undefined) endClient(this.#client)
  }

  #connect(): void {
    const client = this.#options.open() as Redis
    this.#client = client
    // the other connections tell of what is wrong with the server
    client.on('error', () => undefined)
    client.on('close', () => {
      this.#isListening = false
    })
    client.on('connect', () => client.stream.prependListener('data', (chunk: Buffer) => this.#peek(chunk)))
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

  /**
   * Tells of a message that comes whole and alone before ioredis takes it apart and tells of it again: after a pause, when the code of its decoder is in no
   * cache, that takes as long as all the rest of the way to the handler. What is in a job cannot look like a message: JSON escapes ends of lines.
   */
  #peek(chunk: Buffer): void {
    const text = chunk.toString()
    if (!text.startsWith(this.#start, 1)) return
    const lengthAt = 1 + this.#start.length
    const textAt = text.indexOf('\r\n', lengthAt) + 2
    const bytes = Number(text.slice(lengthAt, textAt - 2))
    const isWhole = chunk.length === 1 + this.#startBytes + (textAt - lengthAt) + bytes + 2
    if (isWhole) this.#onMessage(text.slice(textAt, -2))
  }

  /** A connection that is dead without knowing it is replaced. */
  async #ping(client: Redis): Promise<void> {
    if (!this.#isListening) return
    const overdue = setTimeout(() => client.disconnect(true), PING_DEADLINE_MS)
    await client.ping().catch(() => undefined)
    clearTimeout(overdue)
  }
}
