/**
 * One connection for commands, with an end for every call and an honest answer about what a failed call may have done.
 *
 * A call is sent once. It is repeated only where that is safe: it could not be sent, the server refused it (loading, failing over,
 * read-only), it did not know the script, or the call is as good twice as once. Any other call whose answer was lost rejects
 * `ambiguous`; whoever repeats it relies on the contract's own idempotence (job ids, tokens, receipts), not on luck.
 */
import { setImmediate as immediate } from 'node:timers/promises'
import { ClosedError, Deadlines, UnavailableError, type Waiting } from '@sched/core/adapter'
import type { Redis } from 'ioredis'
import { sendAnsweredLast } from './answered-last.ts'
import { type Argument, bareCommand, type Receiver } from './bare-command.ts'
import { type Client, endClient } from './client.ts'
import { faultKind, isAftermath, isLasting, isUnanswered, reasonOf, unavailable } from './errors.ts'
import { isClusterClient } from './options.ts'
import type { Script } from './scripts.ts'

export interface ConnectionOptions {
  readonly open: () => Client
  readonly deadlineMs: number
  /** For messages: `redis`. */
  readonly what: string
}

/** `asText`: the server does not know the script. */
type Send = (receiver: Receiver, mayBeApplied: boolean, asText: boolean) => void

/** One call, however often it is sent. */
interface Call {
  /** For messages. */
  readonly name: string
  readonly send: Send
  readonly repeatable: boolean
  /** On the monotonic clock; undefined until it was sent or has to wait: what can be done later is. */
  end: number | undefined
  pauseMs: number
  mayBeApplied: boolean
  /** The server does not know the script. */
  asText: boolean
}

/** It says nothing when something else was said before: see isAftermath(). */
const CLOSED_UNREADY =
  'Connection is closed before it was ready; another program may answer there, or Redis may want TLS (rediss://)'
const IDLE_MS = 5
const FIRST_PAUSE_MS = 4
const LONGEST_PAUSE_MS = 250

export class Connection {
  readonly #what: string
  readonly #deadlineMs: number
  readonly #deadlines = new Deadlines()
  readonly #client: Client
  /** The same: commands are sent alike. */
  readonly #redis: Redis
  /** Calls that wait until the connection is ready. */
  readonly #waiters = new Set<{ readonly ready: () => void; readonly fail: (error: unknown) => void }>()
  /** Why there is no connection. */
  #lastError: unknown
  #isOpen = false
  #wasOpen = false
  /** By the clock of `Date`: an enqueue has just asked it. */
  #heardAt = Number.NEGATIVE_INFINITY
  #closed = false

  constructor(options: ConnectionOptions) {
    this.#what = options.what
    this.#deadlineMs = options.deadlineMs
    this.#client = options.open()
    this.#redis = this.#client as Redis
    // without a listener ioredis prints to stderr; what matters reaches the callers
    this.#client.on('error', (error: unknown) => {
      this.#note(error)
      // where nothing ever answered, it is more likely the wrong place than a server that is slow to come back
      if (isLasting(error) || (!this.#wasOpen && isUnanswered(error)))
        for (const waiter of [...this.#waiters]) waiter.fail(error)
    })
    this.#client.on('close', () => {
      if (!this.#isOpen) this.#note(new Error(CLOSED_UNREADY))
      this.#isOpen = false
    })
    this.#client.on('ready', () => {
      this.#lastError = undefined
      this.#isOpen = true
      this.#wasOpen = true
      for (const waiter of [...this.#waiters]) waiter.ready()
    })
    this.#client.on('node error', (error: unknown) => this.#note(error))
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
   * Runs a script; all keys carry one hash tag. `again` makes of the arguments those that tell it that it may have been applied already, so that
   * it knows its own work; without them it is sent again only where that is as good as once. Throws UNAVAILABLE, CLOSED.
   */
  run(
    script: Script,
    keys: string | readonly string[],
    args: readonly Argument[],
    again?: (args: readonly Argument[]) => readonly Argument[],
  ): Promise<unknown> {
    const send: Send = (receiver, mayBeApplied, asText) => {
      const given = mayBeApplied && again !== undefined ? again(args) : args
      const text = asText ? script.text : script.sha
      const all =
        typeof keys === 'string' ? [text, 1, keys, ...given] : [text, keys.length, ...keys, ...given]
      const command = bareCommand(asText ? 'eval' : 'evalsha', all, receiver)
      // in a rush whoever is handed something is awake anyway, and it would only be one command more
      if (script.handsOver && !this.isCluster && this.#isIdle()) sendAnsweredLast(this.#redis, command)
      else void this.#redis.sendCommand(command)
    }
    return this.#call(script.name, send, script.repeatable || again !== undefined)
  }

  /** A plain command that reads: it is repeated when its answer was lost. Throws UNAVAILABLE, CLOSED. */
  read(name: string, ...args: Argument[]): Promise<unknown> {
    const send: Send = (receiver) => void this.#redis.sendCommand(bareCommand(name, args, receiver))
    return this.#call(name, send, true)
  }

  /** A blocking pop, once. Throws UNAVAILABLE, CLOSED. */
  pop(keys: readonly string[], seconds: number): Promise<unknown> {
    return this.attempt('blpop', () => this.#redis.blpop(...keys, seconds), false)
  }

  /** What ioredis has a method for. `repeatable`: it is repeated also when it may have been applied. */
  attempt<T>(name: string, ask: () => Promise<T>, repeatable: boolean): Promise<T> {
    const send: Send = (receiver) => void ask().then(receiver.resolve, receiver.reject)
    return this.#call(name, send, repeatable) as Promise<T>
  }

  /** Ends the connection; whatever waits rejects CLOSED. */
  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.#deadlines.abandonAll(new ClosedError(this.#what))
    endClient(this.#client)
  }

  #call(name: string, send: Send, repeatable: boolean): Promise<unknown> {
    const call: Call = {
      name,
      send,
      repeatable,
      end: undefined,
      pauseMs: FIRST_PAUSE_MS,
      mayBeApplied: false,
      asText: false,
    }
    const mayGoAtOnce = !this.#closed && this.#client.status === 'ready' && (repeatable || !this.#isIdle())
    return mayGoAtOnce ? this.#send(call) : this.#sendWhenReady(call)
  }

  #note(error: unknown): void {
    if (this.#lastError === undefined || !isAftermath(error)) this.#lastError = error
  }

  /** Nothing was heard for a moment: the news that the connection is gone may wait to be read, before a call is lost on it. */
  #isIdle(): boolean {
    return Math.abs(Date.now() - this.#heardAt) > IDLE_MS
  }

  #guard(): void {
    if (this.#closed) throw new ClosedError(this.#what)
  }

  async #sendWhenReady(call: Call): Promise<unknown> {
    this.#guard()
    const end = this.#endOf(call)
    if (!call.repeatable && this.#isIdle()) {
      await immediate()
      this.#guard()
    }
    if (this.#client.status !== 'ready') await this.#untilReady(this.#whatOf(call), end, call.mayBeApplied)
    return this.#send(call)
  }

  /** The answer, or at its end an ambiguous rejection; a connection that went quiet is then replaced. */
  #send(call: Call): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const receiver: Receiver = {
        resolve: (answer) => {
          this.#heardAt = Date.now()
          this.#deadlines.remove(waiting)
          resolve(answer)
        },
        reject: (error) => {
          // it may be refused before it is noted
          queueMicrotask(() => {
            // else it was told already how it ended
            if (this.#deadlines.remove(waiting)) this.#sendAgain(call, error).then(resolve, reject)
          })
        },
      }
      call.send(receiver, call.mayBeApplied, call.asText)
      const waiting: Waiting = {
        end: this.#endOf(call),
        abandon: reject,
        overdue: () => reject(this.#overdue(call)),
      }
      this.#deadlines.add(waiting)
    })
  }

  #endOf(call: Call): number {
    call.end ??= performance.now() + this.#deadlineMs
    return call.end
  }

  #overdue(call: Call): UnavailableError {
    if (this.#client.status === 'ready') this.#client.disconnect(true)
    return new UnavailableError(
      `${this.#whatOf(call)}: no answer within ${this.#deadlineMs} ms; it may have been applied`,
      { ambiguous: true },
    )
  }

  #whatOf({ name }: Call): string {
    return `${this.#what} ${name}`
  }

  async #sendAgain(call: Call, error: unknown): Promise<unknown> {
    const kind = faultKind(error)
    if (kind === 'noScript' && !call.asText) {
      call.asText = true
      return this.#sendWhenReady(call)
    }
    const again = kind === 'again' || kind === 'notSent' || (kind === 'broken' && call.repeatable)
    if (!again || performance.now() + call.pauseMs >= this.#endOf(call))
      throw unavailable(this.#whatOf(call), error, call.mayBeApplied)
    call.mayBeApplied ||= kind === 'broken'
    await this.#pause(this.#whatOf(call), call.pauseMs)
    call.pauseMs = Math.min(call.pauseMs * 2, LONGEST_PAUSE_MS)
    return this.#sendWhenReady(call)
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
        fail: (error: unknown) =>
          done(() =>
            reject(
              isLasting(error)
                ? unavailable(what, error, mayBeApplied)
                : this.#unreachable(what, mayBeApplied),
            ),
          ),
      }
      const waiting: Waiting = {
        end,
        abandon: (reason) => done(() => reject(reason)),
        overdue: () => done(() => reject(this.#unreachable(what, mayBeApplied))),
      }
      this.#deadlines.add(waiting)
      this.#waiters.add(waiter)
      if (this.#client.status === 'wait') {
        this.#client.connect().catch((error: unknown) => this.#note(error))
      }
    })
  }

  #unreachable(what: string, ambiguous = false): UnavailableError {
    const why = this.#lastError === undefined ? '' : `: ${reasonOf(this.#lastError)}`
    return new UnavailableError(
      `${what}: no connection to Redis${why}; check that it runs and that host, port and TLS are right`,
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
