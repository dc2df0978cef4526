/** Wakes of queues: what others tell, and what time alone makes claimable, by one timer a watch and a slow look. */
import type { Wakes } from './wakes.ts'

export interface NextDue {
  readonly name: string
  readonly inMs: number
}

export interface DueWatchOptions {
  readonly wakes: Wakes
  /** Wake key → queue. */
  readonly names: ReadonlyMap<string, string>
  readonly onWake: (name: string) => void
  /** Which of the queues becomes claimable by time next, and in how many ms; null when none will. */
  readonly nextDue: () => Promise<NextDue | null>
  readonly onFault: (error: unknown) => void
}

/** How often to look when nothing is said, for a wake may be lost. */
const LOOK_MS = 30_000
/** After a wake the next due moment is looked up anew, but not more often than this. */
const LOOK_AGAIN_MS = 100

export class DueWatch {
  readonly #options: DueWatchOptions
  #stopWatching: (() => void) | undefined
  #timer: NodeJS.Timeout | undefined
  #soon: NodeJS.Timeout | undefined
  #lookedAt = Number.NEGATIVE_INFINITY
  #looking = false
  #lookAgain = false
  #stopped = false

  private constructor(options: DueWatchOptions) {
    this.#options = options
  }

  /** Resolves once listening, to the way to stop. */
  static async start(options: DueWatchOptions): Promise<() => void> {
    const watch = new DueWatch(options)
    watch.#stopWatching = await options.wakes.watch(options.names.keys(), (key) => {
      const name = options.names.get(key)
      if (name !== undefined) options.onWake(name)
      watch.#lookSoon()
    })
    void watch.#look()
    return () => watch.#stop()
  }

  #lookSoon(): void {
    if (this.#stopped) return
    this.#soon ??= setTimeout(
      () => {
        this.#soon = undefined
        void this.#look()
      },
      Math.max(0, LOOK_AGAIN_MS - (performance.now() - this.#lookedAt)),
    )
  }

  /** Arms the timer for what is due next. */
  async #look(): Promise<void> {
    if (this.#stopped) return
    if (this.#looking) {
      // what it finds may be older than what is asked for now
      this.#lookAgain = true
      return
    }
    this.#looking = true
    this.#lookedAt = performance.now()
    let due: NextDue | null = null
    try {
      due = await this.#options.nextDue()
    } catch (error) {
      if (!this.#stopped) this.#options.onFault(error)
    }
    this.#looking = false
    if (this.#stopped) return
    clearTimeout(this.#timer)
    const inMs = due === null ? LOOK_MS : Math.min(due.inMs, LOOK_MS)
    this.#timer = setTimeout(() => {
      if (due !== null && due.inMs <= LOOK_MS) this.#options.onWake(due.name)
      void this.#look()
    }, Math.ceil(inMs))
    this.#timer.unref()
    if (!this.#lookAgain) return
    this.#lookAgain = false
    this.#lookSoon()
  }

  #stop(): void {
    this.#stopped = true
    clearTimeout(this.#timer)
    clearTimeout(this.#soon)
    this.#stopWatching?.()
  }
}
