import type { Clock, Timer } from '@sched/core/adapter'

interface Alarm {
  readonly at: number
  /** When it goes off by itself, on the process's own clock. */
  ring: number
  readonly seq: number
  readonly fn: () => void
}

export interface ModelClockOptions {
  /**
   * `runs` (default): like a server's, and can be moved forward besides. `still`: moves only when it is moved, so that a slow machine ends
   * no lease; a timer that nobody comes to move time for rings in the end all the same, and takes the clock to its instant.
   */
  readonly pace?: 'runs' | 'still'
  /** Epoch milliseconds at the start; default: now. */
  readonly startMs?: number
}

/** The model server's clock: whole milliseconds that never go back, and that a test can move forward. */
export class ModelClock implements Clock {
  readonly #runs: boolean
  readonly #startMs: number
  readonly #since = performance.now()
  readonly #alarms = new Set<Alarm>()
  #moved = 0
  #seq = 0
  #real: NodeJS.Timeout | undefined

  constructor(options: ModelClockOptions = {}) {
    this.#runs = options.pace !== 'still'
    this.#startMs = Math.floor(options.startMs ?? Date.now())
  }

  now(): number {
    return this.#startMs + Math.floor(this.monotonic())
  }

  monotonic(): number {
    return this.#moved + (this.#runs ? performance.now() - this.#since : 0)
  }

  after(delayMs: number, fn: () => void): Timer {
    const delay = Math.max(0, delayMs)
    const alarm = {
      at: this.monotonic() + delay,
      ring: performance.now() + (this.#runs ? delay : patience(delay)),
      seq: this.#seq++,
      fn,
    }
    this.#alarms.add(alarm)
    this.#arm()
    return {
      cancel: () => {
        this.#alarms.delete(alarm)
        this.#arm()
      },
    }
  }

  /** Moves time forward. Every timer due on the way fires at its own instant, and what it set off gets to run before the next. */
  async advance(ms: number): Promise<void> {
    const target = this.monotonic() + ms
    for (;;) {
      const next = this.#earliest()
      if (next === undefined || next.at > target) break
      this.#moveTo(next.at)
      this.#fire(next)
      await settled()
    }
    this.#moveTo(target)
    this.#arm()
    await settled()
  }

  #moveTo(instant: number): void {
    const ms = Math.max(0, instant - this.monotonic())
    this.#moved += ms
    for (const alarm of this.#alarms) alarm.ring -= ms
  }

  #fire(alarm: Alarm): void {
    if (this.#alarms.delete(alarm)) alarm.fn()
  }

  #earliest(by: 'at' | 'ring' = 'at'): Alarm | undefined {
    let first: Alarm | undefined
    for (const alarm of this.#alarms) {
      if (
        first === undefined ||
        alarm[by] < first[by] ||
        (alarm[by] === first[by] && alarm.seq < first.seq)
      ) {
        first = alarm
      }
    }
    return first
  }

  #arm(): void {
    clearTimeout(this.#real)
    const next = this.#earliest('ring')
    if (next === undefined) return
    const wait = Math.min(Math.max(0, Math.ceil(next.ring - performance.now())), 2 ** 31 - 1)
    this.#real = setTimeout(() => {
      if (next.ring <= performance.now()) {
        if (!this.#runs) this.#moveTo(next.at)
        this.#fire(next)
      }
      this.#arm()
    }, wait)
  }
}

/** How long a clock that stands still waits, in real time, for somebody to move it over `delayMs`. */
function patience(delayMs: number): number {
  return delayMs * 10 + 5
}

/** Lets everything that is ready to run, run: promises first, then one turn of the event loop. */
function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}
