import type { Target } from '@sched/adapter-testkit'
import type { Clock, Timer } from '@sched/core/adapter'
import { MemoryServer, memory } from './index.ts'

interface Waiting {
  readonly dueAt: number
  readonly fire: () => void
}

/** The system's clock, moved ahead by what the kit skips; timers that come due by that fire. */
class SkippingClock implements Clock {
  #skippedMs = 0
  readonly #waiting: Set<Waiting> = new Set()

  now(): number {
    return Date.now() + this.#skippedMs
  }

  monotonic(): number {
    return performance.now() + this.#skippedMs
  }

  after(delayMs: number, fn: () => void): Timer {
    const timer: Waiting & { handle?: NodeJS.Timeout } = {
      dueAt: this.monotonic() + delayMs,
      fire: () => {
        clearTimeout(timer.handle)
        if (this.#waiting.delete(timer)) fn()
      },
    }
    this.#waiting.add(timer)
    timer.handle = setTimeout(timer.fire, Math.min(Math.ceil(delayMs), 2 ** 31 - 1))
    return {
      cancel: () => {
        clearTimeout(timer.handle)
        this.#waiting.delete(timer)
      },
    }
  }

  async skip(ms: number): Promise<void> {
    this.#skippedMs += ms
    const due = [...this.#waiting].filter((timer) => timer.dueAt <= this.monotonic())
    for (const timer of due.sort((a, b) => a.dueAt - b.dueAt)) timer.fire()
    await new Promise((resolve) => setImmediate(resolve))
  }
}

interface Place {
  readonly clock: SkippingClock
  readonly server: MemoryServer
}

const places: Map<string, Place> = new Map()

function placeOf(namespace: string): Place {
  let place = places.get(namespace)
  if (place === undefined) {
    const clock = new SkippingClock()
    place = { clock, server: new MemoryServer({ clock }) }
    places.set(namespace, place)
  }
  return place
}

/** One server a namespace, on which the kit opens its nodes. */
const target: Target = {
  name: 'memory',
  timing: { resolutionMs: 2, shortestTtlMs: 200, silenceMs: 20 },
  open: (namespace, { resetOnInit = false } = {}) =>
    memory({ server: placeOf(namespace).server, prefix: namespace, resetOnInit }),
  destroy(namespace) {
    places.delete(namespace)
  },
  hooks: {
    advance: (namespace, ms) => placeOf(namespace).clock.skip(ms),
    async wipe(namespace) {
      const eraser = memory({ server: placeOf(namespace).server, prefix: namespace, resetOnInit: true })
      await Promise.all([eraser.storage.ready(), eraser.broker.ready(), eraser.lock.ready()])
      await eraser.close()
    },
  },
}

export default target
