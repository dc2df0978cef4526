/**
 * The server's clock between two looks at it: an instant that is surely past, and one that is surely not yet. The server decides what is
 * due, expired and overdue by its own clock; this is for the instants that a write carries.
 */
import { type Clock, systemClock } from '@sched/core/adapter'
import type { MongoConnection } from './connection.ts'

/** An instant that is to be no earlier than the server's now plus a delay needs a look at the clock this young. */
const FRESH_MS = 10_000
/** Clocks are slewed by no more than this. */
const DRIFT = 0.0005
/** The wall clock and the monotonic one have parted: the machine slept, or its clock was set. */
const PARTED_MS = 20
/** The server tells whole milliseconds. */
const RESOLUTION_MS = 1
const MORE_LOOKS = 2

interface Look {
  /** The server's clock minus the monotonic one of this process lies between these, in milliseconds. */
  readonly least: number
  readonly most: number
  /** By the two clocks of this process. */
  readonly at: number
  readonly wall: number
}

export class JobClock {
  readonly #connection: MongoConnection
  readonly #clock: Clock
  #look: Look | undefined
  #looking: Promise<void> | undefined
  #lastMicros = 0

  constructor(connection: MongoConnection, clock: Clock = systemClock) {
    this.#connection = connection
    this.#clock = clock
  }

  /** Looks at the server's clock. Throws UNAVAILABLE, CLOSED. */
  async open(): Promise<void> {
    await this.#lookNow()
  }

  /** The first look of a process is slow, and the quickest tells most. Throws UNAVAILABLE, CLOSED. */
  async sharpen(): Promise<void> {
    for (let looks = 0; looks < MORE_LOOKS; looks++) await this.#lookNow()
  }

  /** Resolves when the server's clock was looked at lately. Throws UNAVAILABLE, CLOSED. */
  async fresh(): Promise<void> {
    if (this.#isFresh) return
    this.#looking ??= this.#lookNow().finally(() => {
      this.#looking = undefined
    })
    await this.#looking
  }

  /** Not later than the server's now, in milliseconds. */
  past(): number {
    const { least, at } = this.#known
    const now = this.#clock.monotonic()
    return least + now - (now - at) * DRIFT
  }

  /** Not earlier than the server's now, in milliseconds. */
  future(): number {
    const { most, at } = this.#known
    const now = this.#clock.monotonic()
    return most + now + (now - at) * DRIFT
  }

  /** The first of so many numbers, greater than all before, which are about the server's now in microseconds. */
  nextMicros(count = 1): number {
    const first = Math.max(this.#lastMicros + 1, Math.ceil(this.future() * 1000))
    this.#lastMicros = first + count - 1
    return first
  }

  get #known(): Look {
    if (!this.#isFresh) this.fresh().catch(() => undefined)
    return this.#look as Look
  }

  get #isFresh(): boolean {
    const look = this.#look
    return look !== undefined && this.#clock.monotonic() - look.at < FRESH_MS && !this.#hasParted(look)
  }

  /** The wall clock and the monotonic one went different ways since. */
  #hasParted({ at, wall }: Look): boolean {
    return Math.abs(this.#clock.now() - wall - (this.#clock.monotonic() - at)) > PARTED_MS
  }

  async #lookNow(): Promise<void> {
    const before = this.#clock.monotonic()
    const serverMs = await this.#connection.now()
    const at = this.#clock.monotonic()
    const look: Look = {
      least: serverMs - at,
      most: serverMs + RESOLUTION_MS - before,
      at,
      wall: this.#clock.now(),
    }
    this.#look = this.#look && !this.#hasParted(this.#look) ? together(this.#look, look) : look
  }
}

/** What both looks leave, if the clocks ran alike between them. */
function together(older: Look, newer: Look): Look {
  const drift = (newer.at - older.at) * DRIFT
  const least = Math.max(older.least - drift, newer.least)
  const most = Math.min(older.most + drift, newer.most)
  return least <= most ? { ...newer, least, most } : newer
}
