/**
 * One connection for commands, with an end for every call and an honest answer about what a failed call may have done.
 *
 * A call is sent once. It is repeated only where that is safe: it could not be sent, the server refused it (loading, failing over,
 * read-only), it did not know the script, or the call is as good twice as once. Any other call whose answer was lost rejects
 * `ambiguous`; whoever repeats it relies on the contract's own idempotence (job ids, tokens, receipts), not on luck.
 */
import { setImmediate as immediate } from 'node:timers/promises'
import { ClosedError, SchedError, UnavailableError } from '@sched/core/adapter'
import type { Redis } from 'ioredis'
import type { Client } from './client.ts'
import { Deadlines, type Waiting } from './deadlines.ts'
import { faultKind, isUnauthenticated, unavailable } from './errors.ts'
import { isClusterClient } from './options.ts'
import type { Script } from './scripts.ts'

export type Argument = string | number

export interface ConnectionOptions {
  readonly open: () => Client
  readonly deadlineMs: number
  /** For messages: `redis`. */
  readonly what: string
}

const IDLE_MS = 0
const FIRST_PAUSE_MS = 4
const LONGEST_PAUSE_MS = 250

export class Connection {
  readonly #what: string
  readonly #deadlineMs: number
  readonly #deadlines = new Deadlines()
  readonly #client: Client
  /** Calls that wait until the connection is ready. */
  readonly #waiters = new Set<{ readonly ready: () => void; readonly fail: (error: unknown) => void }>()
  #lastError: unknown
  #heardAt = Number.NEGATIVE_INFINITY
  #closed = false

  constructor(options: ConnectionOptions) {
    this.#what = options.what
    this.#deadlineMs = options.deadlineMs
    this.#client = options.open()
    // without a listener ioredis prints to stderr; what matters reaches the callers
    this.#client.on('error', (error: unknown) => {
      this.#lastError = error
      if (isUnauthenticated(error)) for (const waiter of [...this.#waiters]) waiter.fail(error)
    })
    this.#client.on('ready', () => {
      this.#lastError = undefined
      for (const waiter of [...this.#waiters]) waiter.ready()
    })
    this.#client.on('node error', (error: unknown) => {
      this.#lastError = error
    })
  }

  get isCluster(): boolean {
    return isClusterClient(this.#client)
  }

  /** Every master, for what must be done on each. Connected first. */
  async masters(): Promise<readonly Redis[]> {
    await this.attempt('connect', () => this.#redis.ping(), true)
    return isClusterClient(this.#client) ? this.#client.nodes('master') : [this.#redis]
  }

  /**
   * Runs a script; all keys carry one hash tag. `again`: its arguments when it may have been applied already, which make it know its own
   * work; without them it is sent again only where that is as good as once. Throws UNAVAILABLE, CLOSED.
   */
  run(
    script: Script,
    keys: string | readonly string[],
    args: readonly Argument[],
    again?: () => readonly Argument[],
  ): Promise<unknown> {
    const all = typeof keys === 'string' ? [keys] : keys
    const send = (mayBeApplied: boolean): Promise<unknown> =>
      this.#evaluate(script, all, mayBeApplied && again !== undefined ? again() : args)
    return this.attempt(script.name, send, script.repeatable || again !== undefined)
  }

  /** A plain command that reads: it is repeated when its answer was lost. Throws UNAVAILABLE, CLOSED. */
  read(name: string, ...args: Argument[]): Promise<unknown> {
    return this.attempt(name, () => this.#redis.call(name, ...args), true)
  }

  /** A blocking pop, once. Throws UNAVAILABLE, CLOSED. */
  pop(keys: readonly string[], seconds: number): Promise<unknown> {
    return this.attempt('blpop', () => this.#redis.blpop(...keys, seconds), false)
  }

  /** `repeatable`: `send` is repeated also when it may have been applied. */
  async attempt<T>(
    name: string,
    send: (mayBeApplied: boolean) => Promise<T>,
    repeatable: boolean,
  ): Promise<T> {
    const what = `${this.#what} ${name}`
    let mayBeApplied = false
    const end = performance.now() + this.#deadlineMs
    for (let pause = FIRST_PAUSE_MS; ; pause = Math.min(pause * 2, LONGEST_PAUSE_MS)) {
      this.#guard()
      if (!repeatable && this.#isIdle()) {
        await immediate()
        this.#guard()
      }
      if (this.#client.status !== 'ready') await this.#untilReady(what, end, mayBeApplied)
      try {
        return await this.#bounded(what, end, () => send(mayBeApplied))
      } catch (error) {
        if (error instanceof SchedError) throw error
        const kind = faultKind(error)
        const again = kind === 'again' || kind === 'notSent' || (kind === 'broken' && repeatable)
        if (!again || performance.now() + pause >= end) throw unavailable(what, error, mayBeApplied)
        mayBeApplied ||= kind === 'broken'
      }
      await this.#pause(what, pause)
    }
  }

  /** Ends the connection; whatever waits rejects CLOSED. */
  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.#deadlines.abandonAll(new ClosedError(this.#what))
    this.#client.disconnect()
  }

  get #redis(): Redis {
    return this.#client as Redis
  }

  #evaluate(script: Script, keys: readonly string[], args: readonly Argument[]): Promise<unknown> {
    return this.#redis.evalsha(script.sha, keys.length, ...keys, ...args).catch((error: unknown) => {
      if (faultKind(error) !== 'noScript') throw error
      return this.#redis.eval(script.text, keys.length, ...keys, ...args)
    })
  }

  /** Nothing was heard for a moment: the news that the connection is gone may wait to be read, before a call is lost on it. */
  #isIdle(): boolean {
    return performance.now() - this.#heardAt > IDLE_MS
  }

  #guard(): void {
    if (this.#closed) throw new ClosedError(this.#what)
  }

  /** The answer, or at `end` an ambiguous rejection; a connection that went quiet is then replaced. */
  #bounded<T>(what: string, end: number, send: () => Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const waiting: Waiting = {
        end,
        abandon: reject,
        overdue: () => {
          reject(
            new UnavailableError(
              `${what}: no answer within ${this.#deadlineMs} ms; it may have been applied`,
              {
                ambiguous: true,
              },
            ),
          )
          if (this.#client.status === 'ready') this.#client.disconnect(true)
        },
      }
      this.#deadlines.add(waiting)
      send().then(
        (answer) => {
          this.#heardAt = performance.now()
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

  #untilReady(what: string, end: number, mayBeApplied: boolean): Promise<void> {
    return new Promise((resolve, reject) => {
      const done = (settle: () => void): void => {
        this.#deadlines.remove(waiting)
        this.#waiters.delete(waiter)
        settle()
      }
      const waiter = {
        ready: () => done(resolve),
        fail: (error: unknown) => done(() => reject(unavailable(what, error, mayBeApplied))),
      }
      const waiting: Waiting = {
        end,
        abandon: (reason) => done(() => reject(reason)),
        overdue: () => done(() => reject(this.#unreachable(what, mayBeApplied))),
      }
      this.#deadlines.add(waiting)
      this.#waiters.add(waiter)
      if (this.#client.status === 'wait') {
        this.#client.connect().catch((error: unknown) => {
          this.#lastError ??= error
        })
      }
    })
  }

  #unreachable(what: string, ambiguous = false): UnavailableError {
    const why =
      this.#lastError instanceof Error && this.#lastError.message !== ''
        ? ` (${this.#lastError.message})`
        : ''
    return new UnavailableError(
      `${what}: no connection to Redis within ${this.#deadlineMs} ms${why}; check that it runs and that host, port and TLS are right`,
      { cause: this.#lastError, ambiguous },
    )
  }

  #pause(what: string, ms: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#deadlines.remove(waiting)
        resolve()
      }, ms)
      const waiting: Waiting = {
        end: Number.POSITIVE_INFINITY,
        overdue: () => reject(this.#unreachable(what)),
        abandon: (reason) => {
          clearTimeout(timer)
          reject(reason)
        },
      }
      this.#deadlines.add(waiting)
    })
  }
}
