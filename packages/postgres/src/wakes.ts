/**
 * Who waits for what in this process, and LISTEN on one connection for all of them. Wakes are hints: one may get lost with a connection,
 * so every new connection counts as a wake of all, and everything is found by polling too.
 *
 * Our own writes notify after their commit, at most one NOTIFY under way: what comes meanwhile is told by the next. (A NOTIFY in every
 * transaction would queue all commits behind one lock of the server's.)
 */
import { randomUUID } from 'node:crypto'
import { UnavailableError } from '@sched/core/adapter'
import pg from 'pg'
import type { Database } from './database.ts'
import { JOBS } from './statements.ts'

/** NOTIFY takes less than 8,000 bytes. */
const PAYLOAD_BYTES = 7_000
const FIRST_PAUSE_MS = 50
const LONGEST_PAUSE_MS = 5_000
/** A connection that is dead without saying so is found by asking this often. */
const PROBE_MS = 15_000

type OnWake = (key: string) => void

export class Wakes {
  readonly #database: Database
  readonly #channel: string
  readonly #self = randomUUID().slice(0, 8)
  readonly #watchers = new Map<string, Set<OnWake>>()
  readonly #untold = new Set<string>()
  #telling = false
  #listener: Promise<void> | undefined
  #client: pg.Client | undefined
  #retry: NodeJS.Timeout | undefined
  #probe: NodeJS.Timeout | undefined
  #pauseMs = FIRST_PAUSE_MS
  #closed = false

  constructor(database: Database) {
    this.#database = database
    this.#channel = `sched_${database.tag}`
  }

  /** Resolves, once listening, to the way to stop. Throws UNAVAILABLE. Keys are short ASCII without a comma. */
  async watch(keys: Iterable<string>, onWake: OnWake): Promise<() => void> {
    const watched = [...keys]
    for (const key of watched) {
      const set = this.#watchers.get(key) ?? new Set()
      this.#watchers.set(key, set.add(onWake))
    }
    const stop = (): void => {
      for (const key of watched) {
        const set = this.#watchers.get(key)
        if (set?.delete(onWake) === true && set.size === 0) this.#watchers.delete(key)
      }
    }
    try {
      await this.#listening()
    } catch (error) {
      stop()
      throw error
    }
    return stop
  }

  /** After a commit: tells this process at once, and others soon. Never rejects. */
  tell(keys: Iterable<string>): void {
    if (this.#closed) return
    for (const key of keys) {
      this.#wake(key)
      if (this.#database.settings.listen !== false) this.#untold.add(key)
    }
    if (!this.#telling && this.#untold.size > 0) void this.#tellOthers()
  }

  /** The statement's parameters for a NOTIFY inside a transaction of the user's: it is sent by the commit. */
  notification(keys: Iterable<string>): readonly [channel: string, payload: string] {
    return [this.#channel, ['', ...keys].join(',')]
  }

  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    clearTimeout(this.#retry)
    clearTimeout(this.#probe)
    this.#watchers.clear()
    const client = this.#client
    this.#client = undefined
    if (client !== undefined) await ended(client)
  }

  #wake(key: string): void {
    for (const onWake of [...(this.#watchers.get(key) ?? [])]) onWake(key)
  }

  async #tellOthers(): Promise<void> {
    this.#telling = true
    try {
      while (this.#untold.size > 0 && !this.#closed) {
        let payload = this.#self
        for (const key of this.#untold) {
          if (payload.length + key.length >= PAYLOAD_BYTES) break
          payload += `,${key}`
          this.#untold.delete(key)
        }
        await this.#database.run(JOBS.notify, [this.#channel, payload])
      }
    } catch (error) {
      // a hint that is lost costs time only
      this.#untold.clear()
      if (!this.#closed)
        this.#database.settings.logger.debug('a wake could not be told to other processes', { error })
    } finally {
      this.#telling = false
    }
  }

  #listening(): Promise<void> {
    if (this.#database.settings.listen === false) return Promise.resolve()
    this.#listener ??= this.#connect().catch((error: unknown) => {
      this.#listener = undefined
      throw error
    })
    return this.#listener
  }

  async #connect(): Promise<void> {
    const { settings } = this.#database
    const config: pg.ClientConfig =
      typeof settings.listen === 'string'
        ? { connectionString: settings.listen, application_name: 'sched listen', keepAlive: true }
        : this.#database.connectionConfig
    const client = new pg.Client(config)
    client.on('error', (error) => {
      settings.logger.debug('the LISTEN connection broke', { error })
      this.#lost(client)
    })
    client.on('end', () => this.#lost(client))
    client.on('notification', ({ payload = '' }) => {
      const [from, ...keys] = payload.split(',')
      if (from !== this.#self) for (const key of keys) this.#wake(key)
    })
    this.#client = client
    try {
      await withEnd(
        settings.deadlineMs,
        (async () => {
          await client.connect()
          await client.query(`listen ${this.#channel}`)
        })(),
      )
    } catch (error) {
      this.#client = undefined
      destroy(client)
      throw new UnavailableError(
        'postgres listen: no LISTEN connection; check the server, or set listen: false behind a transaction-mode pooler',
        { cause: error },
      )
    }
    if (this.#closed) {
      await ended(client)
      return
    }
    this.#pauseMs = FIRST_PAUSE_MS
    this.#watch(client)
  }

  #watch(client: pg.Client): void {
    this.#probe = setTimeout(() => {
      withEnd(this.#database.settings.deadlineMs, client.query('select 1')).then(
        () => {
          if (client === this.#client) this.#watch(client)
        },
        () => this.#lost(client),
      )
    }, PROBE_MS)
    this.#probe.unref()
  }

  /** Comes back by itself while anybody watches. */
  #lost(client: pg.Client): void {
    if (client !== this.#client || this.#closed) return
    this.#client = undefined
    clearTimeout(this.#probe)
    destroy(client)
    this.#reconnect()
  }

  #reconnect(): void {
    this.#listener = new Promise<void>((resolve) => {
      const again = (): void => {
        if (this.#closed) {
          resolve()
          return
        }
        this.#connect().then(
          () => {
            resolve()
            for (const key of [...this.#watchers.keys()]) this.#wake(key)
          },
          () => {
            this.#pauseMs = Math.min(this.#pauseMs * 2, LONGEST_PAUSE_MS)
            this.#retry = setTimeout(again, this.#pauseMs)
            this.#retry.unref()
          },
        )
      }
      this.#retry = setTimeout(again, this.#pauseMs)
      this.#retry.unref()
    })
  }
}

async function ended(client: pg.Client): Promise<void> {
  client.removeAllListeners('end')
  await withEnd(1_000, client.end()).catch(() => destroy(client))
}

function destroy(client: pg.Client): void {
  ;(client as unknown as { connection?: { stream?: { destroy(): void } } }).connection?.stream?.destroy()
}

async function withEnd<T>(ms: number, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const end = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new UnavailableError(`no answer within ${ms} ms`)), ms)
    timer.unref()
  })
  try {
    return await Promise.race([work, end])
  } finally {
    clearTimeout(timer)
  }
}
