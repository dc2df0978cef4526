/**
 * Waits on the server for one scope: a blocking pop on a connection of its own over the wake lists of everything watched, and one
 * timer for the next due moment. Wakes are hints: one may get lost with a connection, so every reconnect counts as a wake of all.
 *
 * The pop ends by itself after a while. When it does not, the connection is dead however alive it looks, and is replaced.
 *
 * Who waits must be known to the server, or nobody leaves a wake. A server that lost its data does not know, and the pop does not end for
 * that: so a look every few seconds finds it out, and counts as a wake of all, as it renews what the server would forget.
 */
import { randomUUID } from 'node:crypto'
import { systemClock, type Timer } from '@sched/core/adapter'
import type { Client } from './client.ts'
import { Connection } from './connection.ts'
import { hubsKey, nudgeKey, wakeKey } from './keys.ts'
import nudgeText from './lua/nudge.lua'
import { type Script, script } from './scripts.ts'

export interface HubOptions {
  /** Where scripts run. */
  readonly connection: Connection
  /** Opens the connection that blocks. */
  readonly open: () => Client
  /** The base of the scope's keys. */
  readonly base: string
  /** Registers the hub for `ttlMs` and tells when the next of `names` comes due, and which. */
  readonly listen: (hub: string, ttlMs: number, names: readonly string[]) => Promise<NextDue | null>
  /** Takes the hub off the list of those who wait. */
  readonly leave: (hub: string) => Promise<void>
  /** How long one pop blocks, and how long after that its connection counts as dead; ms. */
  readonly blockMs?: number
  readonly graceMs?: number
  /** How often to look whether the server still knows the hub; ms. */
  readonly checkMs?: number
  /** Told what went wrong while waiting; it goes on by itself. */
  readonly onFault: (error: unknown) => void
}

export interface NextDue {
  readonly inMs: number
  readonly name: string
}

export type OnWake = (name: string) => void

const NUDGE: Script = script('nudge', [nudgeText])

/** How long one pop blocks. */
const BLOCK_MS = 30_000
/** Beyond that a pop without answer means a dead connection. */
const GRACE_MS = 2_000
/** How often to look whether the server still knows the hub. */
export const CHECK_MS = 10_000
/** For how many pops the server counts the hub among those who wait, after it last said so. */
const KNOWN_BLOCKS = 3
/** After a wake the next due moment is looked up anew, but not more often than this. */
const RELISTEN_MS = 100
/** How long to go on as before after something is no longer watched: often it is watched again at once. */
const LINGER_MS = 500
/** After a wake this soon after the one before it, wait a moment: one look finds all that came meanwhile. */
const BURST_MS = 5
const LONGEST_RETRY_MS = 2_000

export class WakeHub {
  readonly #options: HubOptions
  readonly #id = randomUUID()
  readonly #watched = new Map<string, Set<OnWake>>()
  readonly #blocking: Connection
  readonly #blockMs: number
  #listening: Promise<void> | undefined
  #listenedAt = Number.NEGATIVE_INFINITY
  #dueTimer: Timer | undefined
  #linger: NodeJS.Timeout | undefined
  #relistenTimer: NodeJS.Timeout | undefined
  #checks: NodeJS.Timeout | undefined
  #checking: Promise<void> | undefined
  #wakeUp: (() => void) | undefined
  #running = false
  #closed = false

  constructor(options: HubOptions) {
    this.#options = options
    this.#blockMs = options.blockMs ?? BLOCK_MS
    const deadlineMs = this.#blockMs + (options.graceMs ?? GRACE_MS)
    this.#blocking = new Connection({ open: options.open, deadlineMs, what: 'redis' })
  }

  /** Calls `onWake` for hints about `name`. Resolves, once listening, to the way to stop. */
  async watch(names: readonly string[], onWake: OnWake): Promise<() => void> {
    for (const name of names) {
      const listeners = this.#watched.get(name) ?? new Set()
      this.#watched.set(name, listeners.add(onWake))
    }
    const stop = (): void => {
      for (const name of names) this.#unwatch(name, onWake)
    }
    try {
      await this.#listen()
      if (!this.#running) void this.#loop()
      else await this.#nudge()
    } catch (error) {
      stop()
      throw error
    }
    return stop
  }

  /** Registers anew, and counts as a wake of all: the server may have lost its data. */
  async refresh(): Promise<void> {
    if (!this.#running || this.#closed) return
    await this.#listen()
    this.#tellAll()
  }

  close(): void {
    if (this.#closed) return
    this.#closed = true
    clearInterval(this.#checks)
    clearTimeout(this.#linger)
    clearTimeout(this.#relistenTimer)
    this.#dueTimer?.cancel()
    this.#wakeUp?.()
    this.#blocking.close()
    this.#watched.clear()
    if (this.#running) this.#leave()
  }

  #unwatch(name: string, onWake: OnWake): void {
    const listeners = this.#watched.get(name)
    listeners?.delete(onWake)
    if (listeners?.size !== 0) return
    this.#watched.delete(name)
    clearTimeout(this.#linger)
    this.#linger = setTimeout(() => this.#nudge().catch(this.#options.onFault), LINGER_MS)
    this.#linger.unref()
  }

  /** Registers, and sets the timer for the next due moment. Calls that come while one is under way share the next one. */
  #listen(): Promise<void> {
    this.#listening ??= this.#listenNow().finally(() => {
      this.#listening = undefined
    })
    return this.#listening
  }

  async #listenNow(): Promise<void> {
    // a turn later, so that all who begin to watch now are asked for
    await null
    const names = [...this.#watched.keys()]
    const next = await this.#options.listen(this.#id, KNOWN_BLOCKS * this.#blockMs, names)
    this.#listenedAt = performance.now()
    this.#dueTimer?.cancel()
    this.#dueTimer = undefined
    if (this.#closed || next === null) return
    this.#dueTimer = systemClock.after(next.inMs, () => {
      this.#tell(next.name)
      this.#relisten()
    })
  }

  /** Nobody waits for the answer: the server forgets the hub by itself, only later. */
  #leave(): void {
    this.#options.leave(this.#id).catch(() => undefined)
  }

  #relisten(): void {
    if (!this.#closed) this.#listen().catch(this.#options.onFault)
  }

  /** What fails the pop tells of, and the next check does again. */
  #check(): void {
    this.#checking ??= this.#checkNow()
      .catch(() => undefined)
      .finally(() => {
        this.#checking = undefined
      })
  }

  async #checkNow(): Promise<void> {
    const { connection, base } = this.#options
    const known = await connection.read('zscore', hubsKey(base), this.#id)
    if (known === null) await this.refresh()
    else if (performance.now() - this.#listenedAt >= this.#blockMs) await this.#listen()
  }

  #relistenSoon(): void {
    this.#relistenTimer ??= setTimeout(
      () => {
        this.#relistenTimer = undefined
        this.#relisten()
      },
      Math.max(0, RELISTEN_MS - (performance.now() - this.#listenedAt)),
    )
  }

  async #loop(): Promise<void> {
    this.#running = true
    this.#checks = setInterval(() => this.#check(), this.#options.checkMs ?? CHECK_MS)
    this.#checks.unref()
    let retryMs = 10
    let lastWake = Number.NEGATIVE_INFINITY
    while (!this.#closed && this.#watched.size > 0) {
      try {
        const woken = await this.#pop()
        retryMs = 10
        if (this.#closed) break
        if (woken !== null) {
          this.#tell(woken)
          const burst = performance.now() - lastWake < BURST_MS
          lastWake = performance.now()
          if (burst) await this.#pause(BURST_MS)
          this.#relistenSoon()
        }
      } catch (error) {
        if (this.#closed) break
        this.#options.onFault(error)
        await this.#pause(retryMs)
        retryMs = Math.min(retryMs * 2, LONGEST_RETRY_MS)
        this.#relisten()
        this.#tellAll()
      }
    }
    this.#running = false
    clearInterval(this.#checks)
    this.#dueTimer?.cancel()
    if (!this.#closed) this.#leave()
  }

  /** The name that was woken; null when the time is over or the names have changed. */
  async #pop(): Promise<string | null> {
    const names = [...this.#watched.keys()]
    const keys = names.map((name) => wakeKey(this.#options.base, name))
    const own = nudgeKey(this.#options.base, this.#id)
    const answer = (await this.#blocking.pop([...keys, own], this.#blockMs / 1000)) as [string, string] | null
    if (answer === null || answer[0] === own) return null
    return names[keys.indexOf(answer[0])] ?? null
  }

  async #nudge(): Promise<void> {
    await this.#options.connection.run(NUDGE, nudgeKey(this.#options.base, this.#id), [])
  }

  #tell(name: string): void {
    for (const onWake of [...(this.#watched.get(name) ?? [])]) onWake(name)
  }

  #tellAll(): void {
    for (const name of [...this.#watched.keys()]) this.#tell(name)
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms)
      this.#wakeUp = () => {
        clearTimeout(timer)
        resolve()
      }
    })
  }
}
