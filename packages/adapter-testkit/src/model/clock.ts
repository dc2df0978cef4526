import type { Clock, Timer } from '@sched/core/adapter'

interface Alarm {
  readonly at: number
  readonly seq: number
  readonly fn: () => void
}

export interface ModelClockOptions {
  /** False: time stands still between calls of `advance`. True (default): it also runs by itself, like a server's. */
  readonly running?: boolean
  /** Epoch milliseconds at the start; default: now. */
  readonly startMs?: number
}

/** The model server's clock: whole milliseconds that never go back, and that a test can move forward. */
export class ModelClock implements Clock {
  readonly #running: boolean
  readonly #startMs: number
  readonly #since = performance.now()
  readonly #alarms = new Set<Alarm>()
  #moved = 0
  #seq = 0
  #real: NodeJS.Timeout | undefined

  constructor(options: ModelClockOptions = {}) {
    this.#running = options.running ?? true
    this.#startMs = Math.floor(options.startMs ?? Date.now())
  }

  now(): number {
    return this.#startMs + Math.floor(this.monotonic())
  }

  monotonic(): number {
    return this.#moved + (this.#running ? performance.now() - this.#since : 0)
  }

  after(delayMs: number, fn: () => void): Timer {
    const alarm = { at: this.monotonic() + Math.max(0, delayMs), seq: this.#seq++, fn }
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
    this.#moved += Math.max(0, instant - this.monotonic())
  }

  #fire(alarm: Alarm): void {
    if (this.#alarms.delete(alarm)) alarm.fn()
  }

  #earliest(): Alarm | undefined {
    let first: Alarm | undefined
    for (const alarm of this.#alarms) {
      if (first === undefined || alarm.at < first.at || (alarm.at === first.at && alarm.seq < first.seq))
        first = alarm
    }
    return first
  }

  #arm(): void {
    clearTimeout(this.#real)
    const next = this.#running ? this.#earliest() : undefined
    if (next === undefined) return
    const wait = Math.min(Math.max(0, Math.ceil(next.at - this.monotonic())), 2 ** 31 - 1)
    this.#real = setTimeout(() => {
      if (next.at <= this.monotonic()) this.#fire(next)
      this.#arm()
    }, wait)
  }
}

/** Lets everything that is ready to run, run: promises first, then one turn of the event loop. */
function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}
