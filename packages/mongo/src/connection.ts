/**
 * One database, with an end for every call and an honest answer about what a failed call may have done.
 *
 * A call is repeated where that is safe: it could not be sent, the server had not begun, or the call is as good twice as once (or knows
 * its own work when it sees it). Any other call whose answer was lost rejects `ambiguous`. On a replica set the driver itself repeats
 * single-document writes once, which the server recognises.
 */
import {
  ClosedError,
  Deadlines,
  SchedError,
  UnavailableError,
  UnsupportedError,
  type Waiting,
} from '@sched/core/adapter'
import {
  type ClientSession,
  type Collection,
  type Db,
  type Document,
  type MongoClient,
  MongoServerError,
} from 'mongodb'
import { bsonOptions } from './client.ts'
import type { CollectionName } from './collections.ts'
import { faultKind, noServer, schedError } from './errors.ts'
import { Link } from './link.ts'
import type { MongoSource, Settings } from './options.ts'
import type { UserSession } from './session.ts'

export interface Call {
  /** For messages: `storage save`. */
  readonly name: string
  /** As good twice as once, or made so by what the work does when it may have been applied. */
  readonly repeatable?: boolean
}

/** Runs commands: the connection, or the user's session in it. */
export interface Executor {
  /** To spread into the options of every operation: the session, if there is one. */
  readonly options: { readonly session?: ClientSession }
  /** Reads from the primary; writes with the write concern of the settings. */
  collection<T extends Document = Document>(name: CollectionName): Collection<T>
  /** `work` is told whether an earlier try of the same call may have been applied. Throws UNAVAILABLE, CLOSED. */
  run<T>(call: Call, work: (mayBeApplied: boolean) => Promise<T>): Promise<T>
}

/** What the server said to a command. */
export interface SentAnswer {
  readonly answer: Document
  readonly writeErrors: readonly { readonly index: number; readonly code: number; readonly errmsg?: string }[]
  /** An earlier try of the same command may have been applied. */
  readonly mayBeApplied: boolean
}

/** The server as `ready()` found it. */
export interface ServerFacts {
  /** Has change streams and transactions: a replica set or a sharded cluster. */
  readonly replicated: boolean
}

const FIRST_PAUSE_MS = 5
const LONGEST_PAUSE_MS = 250

export class MongoConnection implements Executor {
  readonly settings: Settings
  readonly options: { readonly session?: ClientSession } = {}
  readonly #link: Link
  readonly #deadlines = new Deadlines()
  #facts: Promise<ServerFacts> | undefined
  #known = false
  #isReplicated = false
  #closed = false

  constructor(source: MongoSource, settings: Settings) {
    this.settings = settings
    this.#link = new Link(source, settings)
  }

  get closed(): boolean {
    return this.#closed
  }

  /** False also while it is not known yet. */
  get isReplicated(): boolean {
    return this.#isReplicated
  }

  get #isStandalone(): boolean {
    return this.#known && !this.#isReplicated
  }

  /** Most connections the driver opens to a server. */
  get poolSize(): number {
    const { maxPoolSize } = this.client.options
    return maxPoolSize === 0 ? Number.POSITIVE_INFINITY : maxPoolSize
  }

  get client(): MongoClient {
    return this.#link.client
  }

  /** Within `run()` only. */
  get db(): Db {
    return this.#link.db
  }

  collection<T extends Document = Document>(name: CollectionName): Collection<T> {
    return this.#link.db.collection<T>(this.#nameOf(name))
  }

  /** Writes count as soon as the primary has them: for hints, and for what tokens keep safe anyway. */
  quickCollection<T extends Document = Document>(name: CollectionName): Collection<T> {
    return this.#link.db.collection<T>(this.#nameOf(name), { writeConcern: { w: 1 } })
  }

  /** The full name, for `$unionWith` and `$lookup`. */
  nameOf(name: CollectionName): string {
    return this.#nameOf(name)
  }

  /** `{ hello: 1 }`, `{ ping: 1 }` and their like, on the primary. */
  async command(name: string, command: Document): Promise<Document> {
    return await this.run({ name, repeatable: true }, () => this.#link.db.command(command))
  }

  /**
   * A command as it stands, on the primary: quicker than the driver's bulk writes. `n`, `nModified` and the write errors that `expected`
   * names by code are the caller's to look at; any other throws, and a write that too few members have counts as broken. The driver repeats nothing.
   */
  async send(call: Call, command: Document, expected?: number): Promise<SentAnswer> {
    return await this.run(call, async (mayBeApplied) => {
      const answer = await this.#link.db.command(command, bsonOptions)
      const writeErrors = (answer.writeErrors ?? []) as SentAnswer['writeErrors']
      const error = writeErrors.find(({ code }) => code !== expected)
      if (error !== undefined) throw new MongoServerError({ ...error })
      if (answer.writeConcernError !== undefined) throw new MongoServerError(answer)
      return { answer, writeErrors, mayBeApplied }
    })
  }

  /** The server's clock, epoch milliseconds. */
  async now(): Promise<number> {
    const { localTime } = await this.command('now', { hello: 1 })
    return (localTime as Date).getTime()
  }

  /** What kind of server it is; asked once. */
  facts(): Promise<ServerFacts> {
    this.#facts ??= this.command('hello', { hello: 1 }).then(
      (hello) => {
        this.#known = true
        this.#isReplicated = hello.setName !== undefined || hello.msg === 'isdbgrid'
        return { replicated: this.#isReplicated }
      },
      (error: unknown) => {
        this.#facts = undefined
        throw error
      },
    )
    return this.#facts
  }

  async run<T>(call: Call, work: (mayBeApplied: boolean) => Promise<T>): Promise<T> {
    return await this.#attempt(call, call.repeatable ?? false, work)
  }

  /** The same commands inside the user's open transaction: nothing here begins, commits or repeats. Throws UNSUPPORTED on a standalone. */
  within(session: UserSession): Executor {
    if (this.#isStandalone) {
      throw new UnsupportedError(
        'tx needs a replica set or a sharded cluster, and this MongoDB server is a standalone: start it with --replSet, and run rs.initiate() once',
      )
    }
    const db = session.client.db(this.#link.db.databaseName, bsonOptions)
    return {
      options: { session },
      collection: <D extends Document>(name: CollectionName) => db.collection<D>(this.#nameOf(name)),
      run: async (call, work) => {
        if (this.#closed) throw new ClosedError('mongo')
        try {
          const what = `mongo ${call.name}`
          return await this.#bounded(
            this.#end(),
            () => work(false),
            () => this.#noAnswer(what),
          )
        } catch (error) {
          // the user's transaction needs the driver's own error: its labels say whether to repeat all of it
          throw isTransient(error) ? error : schedError(`mongo ${call.name}`, error)
        }
      },
    }
  }

  /** Whatever waits rejects CLOSED. A client of the user's stays open. */
  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    this.#deadlines.abandonAll(new ClosedError('mongo'))
    await this.#link.close()
  }

  #nameOf(name: CollectionName): string {
    return `${this.settings.collectionPrefix}_${name}`
  }

  #end(): number {
    return performance.now() + this.settings.deadlineMs
  }

  async #attempt<T>(
    call: Call,
    repeatable: boolean,
    work: (mayBeApplied: boolean) => Promise<T>,
  ): Promise<T> {
    const what = `mongo ${call.name}`
    const end = this.#end()
    let mayBeApplied = false
    for (let pause = FIRST_PAUSE_MS; ; pause = Math.min(pause * 2, LONGEST_PAUSE_MS)) {
      if (this.#closed) throw new ClosedError('mongo')
      const applied = mayBeApplied
      const connecting = this.#link.connect()
      const since = performance.now()
      let begun = connecting === undefined
      const begin = (): Promise<T> => {
        begun = true
        return work(applied)
      }
      const maybeSent = (): boolean => begun && this.#link.watch.reachableUntil >= since
      try {
        return await this.#bounded(
          end,
          () => (connecting === undefined ? begin() : connecting.then(begin)),
          () => (maybeSent() ? this.#noAnswer(what) : this.#noServer(what, applied)),
        )
      } catch (error) {
        if (error instanceof SchedError) throw error
        // a client that closes ends its calls with errors of all kinds
        if (this.#closed) throw new ClosedError('mongo')
        const kind = faultKind(error, maybeSent())
        const again = kind === 'again' || kind === 'notSent' || (kind === 'broken' && repeatable)
        if (!again || performance.now() + pause >= end) {
          throw kind === 'notSent'
            ? this.#noServer(what, mayBeApplied, error)
            : schedError(what, error, mayBeApplied)
        }
        mayBeApplied ||= kind === 'broken'
      }
      await this.#pause(what, pause)
    }
  }

  /** It was sent, as far as anybody knows. */
  #noAnswer(what: string): UnavailableError {
    const { report, cause } = this.#link.watch
    const seen = report === '' ? '' : ` (${report})`
    return new UnavailableError(
      `${what}: no answer within ${this.settings.deadlineMs} ms${seen}; it may have been applied`,
      { ambiguous: true, ...(cause && { cause }) },
    )
  }

  /** It was not sent; `ambiguous`: though an earlier try of the same call may have been. */
  #noServer(what: string, ambiguous: boolean, error?: unknown): UnavailableError {
    const { report, cause } = this.#link.watch
    return noServer(what, { seen: report, cause: error ?? cause, ambiguous })
  }

  /** The answer, or at `end` what `overdue` says. */
  #bounded<T>(end: number, work: () => Promise<T>, overdue: () => Error): Promise<T> {
    return new Promise((resolve, reject) => {
      const waiting: Waiting = { end, abandon: reject, overdue: () => reject(overdue()) }
      this.#deadlines.add(waiting)
      work().then(
        (answer) => {
          this.#deadlines.remove(waiting)
          resolve(answer)
        },
        (error: unknown) => {
          this.#deadlines.remove(waiting)
          reject(error)
        },
      )
    })
  }

  #pause(what: string, ms: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#deadlines.remove(waiting)
        resolve()
      }, ms)
      const waiting: Waiting = {
        end: Number.POSITIVE_INFINITY,
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

function isTransient(error: unknown): boolean {
  const labelled = error as { hasErrorLabel?: (label: string) => boolean }
  return labelled.hasErrorLabel?.('TransientTransactionError') === true
}
