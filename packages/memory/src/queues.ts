import type { Clock } from '@sched/core/adapter'
import { Queue } from './queue.ts'
import type { Alarm, TimedSource } from './timers.ts'
import { Wakes } from './wakes.ts'

/** The queues of one prefix, and who wants to hear of them. */
export class Queues implements TimedSource {
  readonly #clock: Clock
  readonly #alarm: Alarm
  readonly #queues: Map<string, Queue> = new Map()
  readonly #wakes: Wakes = new Wakes()
  #rungAt = 0
  #lastReceipt = 0

  constructor(clock: Clock, alarm: Alarm) {
    this.#clock = clock
    this.#alarm = alarm
  }

  /** The queue of that name, if anything was ever put in it. */
  find(name: string): Queue | undefined {
    return this.#queues.get(name)
  }

  all(): Iterable<Queue> {
    return this.#queues.values()
  }

  /** The queue of that name, made when there is none. */
  obtain(name: string): Queue {
    let queue = this.#queues.get(name)
    if (queue === undefined) {
      queue = new Queue(this.#clock, () => String(++this.#lastReceipt))
      this.#queues.set(name, queue)
    }
    return queue
  }

  /** Returns the way to stop. */
  listen(names: readonly string[], onWake: (name: string) => void): () => void {
    const stop = this.#wakes.listen(names, onWake)
    this.#alarm.watch(this)
    return () => {
      stop()
      if (this.#wakes.isEmpty) this.#alarm.unwatch(this)
    }
  }

  /** Something of the queue is claimable at `at`. */
  announce(name: string, queue: Queue, at: number): void {
    if (queue.paused || !this.#wakes.has(name)) return
    if (at <= this.#clock.now()) this.#wakes.wake(name)
    else this.#alarm.expect(at)
  }

  /** A lease of the queue ended before its time. */
  announceFreed(name: string, queue: Queue): void {
    if (!queue.saturated) return
    queue.saturated = false
    if (queue.hasClaimable()) this.#wakes.wake(name)
  }

  ring(now: number): number {
    let next = Number.POSITIVE_INFINITY
    for (const name of this.#wakes.names()) {
      const queue = this.#queues.get(name)
      if (queue === undefined) continue
      if (queue.nextAfter(this.#rungAt) <= now) this.#wakes.wake(name)
      next = Math.min(next, queue.nextAfter(now))
    }
    this.#rungAt = now
    return next
  }

  /** Listeners stay: they hear of what comes next. Receipts go on, so that one of before proves nothing afterwards. */
  clear(): void {
    this.#queues.clear()
  }
}
