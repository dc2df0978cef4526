/**
 * The connections of our own pool, from the attempt to connect to their last breath. The pool lets go of each once it has said goodbye,
 * but a server that is frozen, or was none, never closes it, and the socket would keep the process alive.
 */
import pg, { type ClientConfig } from 'pg'

/** What a server may say first: that it wants a password or none, an error, a notice, another version of the protocol. */
const GREETINGS = new Set([...'RENv'].map((letter) => letter.charCodeAt(0)))

/** As the code of an error: what answers there is no PostgreSQL. */
export const NOT_POSTGRES = 'NOT_POSTGRES'
/** As the code of an error: nobody greeted in time; the message says what may be the matter. */
export const NO_GREETING = 'NO_GREETING'

interface Stream {
  readonly connecting?: boolean
  once(event: 'data', listener: (chunk: Buffer) => void): void
  destroy(error?: Error): void
}

export class Connections {
  /** For the pool. */
  readonly Client: typeof pg.Client
  /** Since when each waits for the server's greeting; undefined: it is ready. */
  readonly #open = new Map<pg.Client, number | undefined>()
  readonly #connectMs: number
  /** Of the last attempt, if it was given up. */
  #lastHindrance: string | undefined
  #whenEmpty: () => void = () => undefined

  /** An attempt to connect that takes longer, in ms, makes room for another. */
  constructor(connectMs: number) {
    this.#connectMs = connectMs
    const track = (client: pg.Client): void => this.#track(client)
    this.Client = class extends pg.Client {
      constructor(config?: string | ClientConfig) {
        super(config)
        track(this)
      }
    }
  }

  /** What keeps those from being ready that have waited for a good while, or kept the last attempt that was given up; undefined when none has. */
  get hindrance(): string | undefined {
    const before = performance.now() - this.#connectMs / 4
    const waiting = [...this.#open].filter(([, since]) => since !== undefined)
    if (waiting.length === 0) return undefined
    const late = waiting.filter(([, since]) => (since as number) <= before).map(([client]) => client)
    return late.length > 0 ? hindranceOf(late) : this.#lastHindrance
  }

  /** Resolves when all have ended; those that have not after `graceMs` are destroyed. */
  async close(graceMs: number): Promise<void> {
    if (this.#open.size === 0) return
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, graceMs)
      this.#whenEmpty = () => {
        clearTimeout(timer)
        resolve()
      }
    })
    for (const client of this.#open.keys()) streamOf(client)?.destroy()
  }

  #track(client: pg.Client): void {
    this.#open.set(client, performance.now())
    const timer = setTimeout(() => {
      this.#lastHindrance = hindranceOf([client])
      streamOf(client)?.destroy(Object.assign(new Error(this.#lastHindrance), { code: NO_GREETING }))
    }, this.#connectMs)
    timer.unref()
    client.once('connect', () => {
      clearTimeout(timer)
      this.#open.set(client, undefined)
      this.#lastHindrance = undefined
    })
    client.once('end', () => {
      clearTimeout(timer)
      this.#open.delete(client)
      if (this.#open.size === 0) this.#whenEmpty()
    })
    // with TLS pg looks at the first answer itself
    if (!client.ssl) refuseStrangers(client)
  }
}

function hindranceOf(clients: readonly pg.Client[]): string {
  return clients.some((client) => streamOf(client)?.connecting === false)
    ? 'what accepts connections there does not answer as PostgreSQL does; check that host and port are those of PostgreSQL, and that it is not frozen'
    : 'nothing accepts or refuses a connection there; check that it runs, host, port and firewall'
}

export function streamOf(client: pg.ClientBase): Stream | undefined {
  return (client as unknown as { connection?: { stream?: Stream } }).connection?.stream
}

function refuseStrangers(client: pg.Client): void {
  const stream = streamOf(client)
  stream?.once('data', ([first]) => {
    if (first === undefined || GREETINGS.has(first)) return
    stream.destroy(Object.assign(new Error('what answers there is no PostgreSQL'), { code: NOT_POSTGRES }))
  })
}
