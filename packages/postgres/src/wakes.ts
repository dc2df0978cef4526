/**
 * Who waits for what in this process, and LISTEN on one connection for all of them. Wakes are hints: one may get lost with a connection,
 * so every new connection counts as a wake of all, and everything is found by polling too.
 */
import { randomInt } from 'node:crypto'
import { ClosedError, UnavailableError } from '@sched/core/adapter'
import pg from 'pg'
import { streamOf } from './connections.ts'
import type { Database } from './database.ts'
import { type Committed, type Notification, Telling } from './telling.ts'

const FIRST_PAUSE_MS = 50
const LONGEST_PAUSE_MS = 5_000
const CLOSE_MS = 1_000
/** A connection that is dead without saying so is found by asking this often. */
const PROBE_MS = 15_000
/** Of the numbers of hubs: below 2 ** 48. */
const HUBS = 2 ** 48 - 1

type OnWake = (key: string) => void
type OnJob = (job: string) => void

export class Wakes {
  readonly #database: Database
  readonly #telling: Telling
  readonly #watchers = new Map<string, Set<OnWake>>()
  #stopConnecting: (reason: Error) => void = () => undefined
  #listener: Promise<void> | undefined
  #client: pg.Client | undefined
  #hub: string | undefined
  /** Who waits for a job that is handed over, by the number that is named with it. */
  readonly #awaiting = new Map<number, OnJob>()
  #awaited = 0
  #retry: NodeJS.Timeout | undefined
  #probe: NodeJS.Timeout | undefined
  #pauseMs = FIRST_PAUSE_MS
  #closed = false

  constructor(database: Database) {
    this.#database = database
    this.#telling = new Telling(database)
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
    const told = [...keys]
    this.#tellHere(told)
    if (!this.#closed && told.length > 0) this.#telling.tell(told)
  }

  /** Tells others by the commit itself where it can, and this process after it. `commit` gets what it is to notify, if anything. */
  async withCommit<T>(
    keys: readonly string[],
    commit: (notification: Notification | undefined) => Promise<Committed<T>>,
  ): Promise<T> {
    const { answer, isHandedOver } = await this.#telling.withCommit(keys, commit)
    if (!isHandedOver) this.#tellHere(keys)
    return answer
  }

  /** What a transaction of the user's is to notify. This process hears of it like all others. */
  withCommitOf(keys: readonly string[]): Notification | undefined {
    return this.#telling.withCommitOf(keys)
  }

  /**
   * Where this process is handed jobs: the number of its present LISTEN connection, which holds the advisory lock of that number, so that
   * the server knows whether it lives. Undefined while there is none; then it is opened, where that is wanted.
   */
  get hub(): string | undefined {
    if (this.#hub === undefined && !this.#closed) this.#listening().catch(() => undefined)
    return this.#hub
  }

  /** A number under which a job may be handed over. */
  await(onJob: OnJob): number {
    // four bytes on the server
    this.#awaited = (this.#awaited + 1) & 0x7fffffff
    this.#awaiting.set(this.#awaited, onJob)
    return this.#awaited
  }

  /** Nothing is expected under this number any more. */
  unawait(number: number): void {
    this.#awaiting.delete(number)
  }

  /** What is not told yet is told before, if the server answers soon. */
  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    this.#stopConnecting(new ClosedError('postgres'))
    clearTimeout(this.#retry)
    clearTimeout(this.#probe)
    this.#watchers.clear()
    this.#awaiting.clear()
    this.#hub = undefined
    const client = this.#client
    this.#client = undefined
    const told = withEnd(CLOSE_MS, this.#telling.close()).catch(() => undefined)
    await Promise.all([told, client === undefined ? undefined : ended(client)])
  }

  #tellHere(keys: Iterable<string>): void {
    if (!this.#closed) for (const key of keys) this.#wake(key)
  }

  #wake(key: string): void {
    for (const onWake of [...(this.#watchers.get(key) ?? [])]) onWake(key)
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
    const hub = String(randomInt(1, HUBS))
    client.on('notification', ({ channel, payload = '' }) => {
      if (channel === this.#telling.channel) for (const key of this.#telling.keysOf(payload)) this.#wake(key)
      else this.#handedOver(payload)
    })
    this.#client = client
    try {
      const listening = (async () => {
        await client.connect()
        const { channel } = this.#telling
        await client.query(`listen ${channel}; listen ${channel}_${hub}; select pg_advisory_lock(${hub})`)
      })()
      // a client that is ended while it connects never says so
      const stopped = new Promise<never>((_, reject) => {
        this.#stopConnecting = reject
      })
      await withEnd(settings.deadlineMs, Promise.race([listening, stopped]))
    } catch (error) {
      this.#client = undefined
      streamOf(client)?.destroy()
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
    this.#hub = hub
    this.#watch(client)
  }

  /** `number job`. */
  #handedOver(payload: string): void {
    const space = payload.indexOf(' ')
    this.#awaiting.get(Number(payload.slice(0, space)))?.(payload.slice(space + 1))
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
    this.#hub = undefined
    clearTimeout(this.#probe)
    streamOf(client)?.destroy()
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
  await withEnd(CLOSE_MS, client.end()).catch(() => streamOf(client)?.destroy())
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
