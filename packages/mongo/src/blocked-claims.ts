/**
 * Blocked claims of this process, queue by queue: they share one watch, and take turns. One id would otherwise make every one of them ask
 * the server; so the first that finds nothing answers for those that were woken by the same wake.
 */

/** For how long finding nothing holds for the others. */
const EMPTY_MS = 50

interface Line {
  readonly wakers: Set<() => void>
  readonly watching: Promise<() => void>
  /** The last turn. */
  turn: Promise<unknown>
  /** Counts wakes. */
  wakes: number
  /** After which wake, and when, nothing was found. */
  emptyWake: number
  emptyAt: number
}

export class BlockedClaims {
  readonly #watch: (name: string, onWake: () => void) => Promise<() => void>
  readonly #lines = new Map<string, Line>()

  /** `watch` resolves, once listening, to the way to stop. */
  constructor(watch: (name: string, onWake: () => void) => Promise<() => void>) {
    this.#watch = watch
  }

  /** Resolves, once listening, to the way to stop. */
  async watch(name: string, onWake: () => void): Promise<() => void> {
    const line = this.#lines.get(name) ?? this.#open(name)
    line.wakers.add(onWake)
    const stop = (): void => {
      line.wakers.delete(onWake)
      if (line.wakers.size > 0 || this.#lines.get(name) !== line) return
      this.#lines.delete(name)
      line.watching.then((stopWatching) => stopWatching()).catch(() => undefined)
    }
    try {
      await line.watching
    } catch (error) {
      stop()
      throw error
    }
    return stop
  }

  /** What `ask` gives, when it is this one's turn; null without asking where somebody has just found nothing. */
  async claim(name: string, ask: () => Promise<string | null>): Promise<string | null> {
    const line = this.#lines.get(name)
    if (line === undefined) return await ask()
    const turn = line.turn.then(async () => {
      if (line.emptyWake === line.wakes && performance.now() - line.emptyAt < EMPTY_MS) return null
      const wake = line.wakes
      const id = await ask()
      if (id === null) {
        line.emptyWake = wake
        line.emptyAt = performance.now()
      }
      return id
    })
    // a turn that failed is over, too
    line.turn = turn.catch(() => undefined)
    return await turn
  }

  #open(name: string): Line {
    const wakers = new Set<() => void>()
    const watching = this.#watch(name, () => {
      line.wakes++
      for (const wake of [...wakers]) wake()
    })
    const line: Line = { wakers, watching, turn: Promise.resolve(), wakes: 0, emptyWake: -1, emptyAt: 0 }
    this.#lines.set(name, line)
    return line
  }
}
