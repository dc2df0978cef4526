/**
 * One pool, with an end for every call and an honest answer about what a failed call may have done.
 *
 * A call is repeated where that is safe: it could not be sent, the server rolled it back (40001, 40P01), or the call is as good twice as
 * once. Any other call whose answer was lost rejects `ambiguous`. A connection that did not answer in time is closed, not reused.
 */
import { ClosedError, Deadlines, SchedError, UnavailableError, type Waiting } from '@sched/core/adapter'
import pg, { type Pool, type PoolClient } from 'pg'
import { Connections, NOT_POSTGRES, streamOf } from './connections.ts'
import { codeOf, faultKind, schedError } from './errors.ts'
import { isPool, type PostgresSource, poolConfig, type Settings } from './options.ts'
import { Rehearsals } from './rehearsals.ts'
import { tag, withNames } from './sql-names.ts'

/** A value as the server's text form, or what pg turns into it. */
export type Parameter = string | number | boolean | null | readonly unknown[]
/** Columns as the server's text, in order. */
export type Row = readonly (string | null)[]

export interface Statement {
  /** Unique among the statements; for messages, and as the name of the prepared statement. */
  readonly name: string
  /** With `@table` names. */
  readonly sql: string
  /** As good twice as once. */
  readonly repeatable?: boolean
  /** False: its text differs from call to call, so it is not prepared by name. Default true. */
  readonly fixed?: boolean
}

/** Runs statements: the pool, or the user's transaction. */
export interface Executor {
  run(statement: Statement, parameters: readonly Parameter[]): Promise<readonly Row[]>
}

const FIRST_PAUSE_MS = 5
const LONGEST_PAUSE_MS = 250
/** So long a server has to say goodbye. */
const CLOSE_MS = 1_000
const asText = { getTypeParser: () => (value: unknown) => value }

export class Database implements Executor {
  readonly settings: Settings
  readonly tag: string
  readonly #pool: Pool
  /** Undefined: the pool is the user's. */
  readonly #connections: Connections | undefined
  readonly #deadlines = new Deadlines()
  readonly #rehearsals = new Rehearsals()
  /** Connections whose rehearsal waits for that of another. */
  readonly #unrehearsed: PoolClient[] = []
  readonly #texts = new Map<string, string>()
  #closed = false

  constructor(source: PostgresSource, settings: Settings) {
    this.settings = settings
    this.tag = tag(settings)
    if (isPool(source)) {
      this.#pool = source
    } else {
      this.#connections = new Connections(settings.deadlineMs)
      this.#pool = new pg.Pool({ ...poolConfig(source, settings), Client: this.#connections.Client })
      // without a listener an error of an idle connection ends the process; what matters reaches the callers
      this.#pool.on('error', (error) =>
        settings.logger.warn('an idle PostgreSQL connection ended', { error }),
      )
    }
    this.#pool.on('connect', outliveFarewell)
  }

  get closed(): boolean {
    return this.#closed
  }

  /** What a LISTEN connection is opened with. */
  get connectionConfig(): pg.ClientConfig {
    return this.#pool.options as pg.ClientConfig
  }

  async run(statement: Statement, parameters: readonly Parameter[]): Promise<readonly Row[]> {
    const text = this.text(statement.sql)
    const config: pg.QueryArrayConfig & { types: unknown } = {
      text,
      values: parameters as unknown[],
      rowMode: 'array',
      types: asText as pg.CustomTypesConfig,
      ...(this.settings.prepare && statement.fixed !== false && { name: `${statement.name} ${this.tag}` }),
    }
    return await this.attempt(statement.name, statement.repeatable ?? false, async (client) => {
      const { rows } = await client.query(config)
      return rows as Row[]
    })
  }

  /** Several statements on one connection; `work` begins and ends its own transactions. */
  async attempt<T>(name: string, repeatable: boolean, work: (client: PoolClient) => Promise<T>): Promise<T> {
    const what = `postgres ${name}`
    const end = performance.now() + this.settings.deadlineMs
    for (let pause = FIRST_PAUSE_MS; ; pause = Math.min(pause * 2, LONGEST_PAUSE_MS)) {
      if (this.#closed) throw new ClosedError('postgres')
      try {
        const client = await this.#connect(what, end)
        return await this.#work(what, end, client, work)
      } catch (error) {
        if (error instanceof SchedError) throw error
        const kind = faultKind(error)
        const again =
          kind === 'again' || (kind === 'notSent' && isPassing(error)) || (kind === 'broken' && repeatable)
        if (!again || performance.now() + pause >= end) throw schedError(what, error)
      }
      await this.#pause(what, pause, end)
    }
  }

  /** From now on every connection of this process is ready for what the script does. Resolves when the first is; never rejects. */
  async rehearse(script: string): Promise<void> {
    if (!this.#rehearsals.add(this.text(script))) return
    try {
      await this.attempt('rehearse', false, (client) => this.#rehearsals.run(client))
    } catch (error) {
      this.#notRehearsed(error)
    }
    this.#rehearseNext()
  }

  text(sql: string): string {
    let text = this.#texts.get(sql)
    if (text === undefined) {
      text = withNames(sql, this.settings)
      // texts made for one call must not pile up
      if (this.#texts.size > 500) this.#texts.clear()
      this.#texts.set(sql, text)
    }
    return text
  }

  /** Whatever waits rejects CLOSED. A pool of the user's stays open. */
  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    this.#deadlines.abandonAll(new ClosedError('postgres'))
    for (const client of this.#unrehearsed.splice(0)) client.release()
    if (this.#connections === undefined) {
      this.#pool.off('connect', outliveFarewell)
      return
    }
    // the pool does not wait for the idle ones to end, and for ever for those that are not ready
    void this.#pool.end()
    await this.#connections.close(CLOSE_MS)
  }

  get #hindrance(): string {
    const { poolSize } = this.settings
    if (this.#connections === undefined)
      return 'your pool had none to give; check that the server runs, or raise the pool’s max'
    return this.#connections.hindrance ?? `all ${poolSize} were in use; raise poolSize`
  }

  #connect(what: string, end: number): Promise<PoolClient> {
    return new Promise((resolve, reject) => {
      const waiting: Waiting = {
        end,
        abandon: reject,
        overdue: () =>
          reject(
            new UnavailableError(
              `${what}: no connection to PostgreSQL within ${this.settings.deadlineMs} ms: ${this.#hindrance}`,
            ),
          ),
      }
      this.#deadlines.add(waiting)
      // rather than that another is opened
      if (!(this.#pool.idleCount > this.#pool.waitingCount)) this.#unrehearsed.pop()?.release()
      this.#pool.connect().then(
        (client) => {
          if (this.#deadlines.remove(waiting)) resolve(client)
          else client.release()
        },
        (error: unknown) => {
          // a refusal while connecting changed nothing, whatever it says
          if (this.#deadlines.remove(waiting)) reject(new NotSentError(error))
        },
      )
    })
  }

  /** The answer, or at `end` an ambiguous rejection; a connection that went quiet is closed. */
  #work<T>(
    what: string,
    end: number,
    client: PoolClient,
    work: (client: PoolClient) => Promise<T>,
  ): Promise<T> {
    return new Promise((resolve, reject) => {
      // a checked-out client has no listener of the pool's: its error would end the process, and reaches the query anyway
      const ignore = (): void => undefined
      client.on('error', ignore)
      const release = (destroy: boolean): void => {
        client.removeListener('error', ignore)
        if (destroy) client.on('error', ignore)
        client.release(destroy)
      }
      const giveUp = (reason: Error): void => {
        release(true)
        streamOf(client)?.destroy()
        reject(reason)
      }
      const waiting: Waiting = {
        end,
        abandon: giveUp,
        overdue: () =>
          giveUp(
            new UnavailableError(
              `${what}: no answer within ${this.settings.deadlineMs} ms; it may have been applied`,
              { ambiguous: true },
            ),
          ),
      }
      this.#deadlines.add(waiting)
      work(client).then(
        (answer) => {
          if (!this.#deadlines.remove(waiting)) return
          client.removeListener('error', ignore)
          this.#handBack(client)
          resolve(answer)
        },
        (error: unknown) => {
          if (!this.#deadlines.remove(waiting)) return
          release(faultKind(error) === 'broken')
          reject(error)
        },
      )
    })
  }

  #handBack(client: PoolClient): void {
    if (this.#pool.waitingCount > 0 || !this.#rehearsals.isDue(client)) client.release()
    else if (this.#rehearsals.underWay) this.#unrehearsed.push(client)
    else this.#rehearse(client)
  }

  #rehearse(client: PoolClient): void {
    const end = performance.now() + this.settings.deadlineMs
    this.#work('postgres rehearse', end, client, () => this.#rehearsals.run(client))
      .catch((error: unknown) => this.#notRehearsed(error))
      .finally(() => this.#rehearseNext())
  }

  #rehearseNext(): void {
    while (this.#unrehearsed.length > 0 && !this.#rehearsals.underWay)
      this.#handBack(this.#unrehearsed.shift() as PoolClient)
  }

  #notRehearsed(error: unknown): void {
    this.settings.logger.debug('a connection could not be made ready in advance', { error })
  }

  #pause(what: string, ms: number, end: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#deadlines.remove(waiting)
        resolve()
      }, ms)
      const waiting: Waiting = {
        end: end + ms,
        overdue: () => reject(new UnavailableError(`${what}: given up`)),
        abandon: (reason) => {
          clearTimeout(timer)
          reject(reason)
        },
      }
      this.#deadlines.add(waiting)
    })
  }
}

/** A server that shuts down may end a connection in the same breath in which it is ready, before anybody could listen. */
function outliveFarewell(client: PoolClient): void {
  client.on('error', () => undefined)
}

/** The connection failed before anything was sent. Carries the code and the message of what was said. */
class NotSentError extends Error {
  readonly code: string
  constructor(cause: unknown) {
    super(cause instanceof Error ? cause.message : String(cause), { cause })
    const code = codeOf(cause)
    this.code = code === '' || faultKind(cause) === 'broken' ? '08001' : code
  }
}

/** Waiting may mend it; a wrong host or port it does not. */
function isPassing(error: unknown): boolean {
  const code = codeOf(error)
  return code !== 'ENOTFOUND' && code !== NOT_POSTGRES
}
