/** Wakes of queues: what others tell, and what time alone makes claimable, by one timer a watch and a slow poll. */
import type { Wakes } from './wakes.ts'

export interface QueueWatchOptions {
  readonly wakes: Wakes
  /** Wake key → queue. */
  readonly names: ReadonlyMap<string, string>
  readonly onWake: (name: string) => void
  /** Which of the queues is claimable by time next, and in how many ms. */
  readonly nextDue: () => Promise<{ readonly name: string; readonly inMs: number } | null>
  readonly pollMs: number
  readonly onFault: (error: unknown) => void
}

export class QueueWatch {
  readonly #options: QueueWatchOptions
  #stopWatching: (() => void) | undefined
  #timer: NodeJS.Timeout | undefined
  #looking = false
  #lookAgain = false
  #stopped = false

  private constructor(options: QueueWatchOptions) {
    this.#options = options
  }

  /** Resolves once listening. */
  static async start(options: QueueWatchOptions): Promise<() => void> {
    const watch = new QueueWatch(options)
    watch.#stopWatching = await options.wakes.watch(options.names.keys(), (key) => {
      const name = options.names.get(key)
      if (name !== undefined) options.onWake(name)
      void watch.#look()
    })
    void watch.#look()
    return () => watch.#stop()
  }

  /** Arms the timer for what is due next. */
  async #look(): Promise<void> {
    if (this.#looking) {
      this.#lookAgain = true
      return
    }
    this.#looking = true
    do {
      this.#lookAgain = false
      let due: { readonly name: string; readonly inMs: number } | null = null
      try {
        due = await this.#options.nextDue()
      } catch (error) {
        if (!this.#stopped) this.#options.onFault(error)
      }
      if (this.#stopped) return
      clearTimeout(this.#timer)
      const { pollMs, onWake } = this.#options
      const inMs = due === null ? pollMs : Math.min(due.inMs, pollMs)
      if (due !== null && due.inMs <= 0) onWake(due.name)
      this.#timer = setTimeout(
        () => {
          if (due !== null && due.inMs <= inMs) onWake(due.name)
          void this.#look()
        },
        due !== null && due.inMs <= 0 ? pollMs : Math.ceil(inMs),
      )
      this.#timer.unref()
    } while (this.#lookAgain)
    this.#looking = false
  }

  #stop(): void {
    this.#stopped = true
    clearTimeout(this.#timer)
    this.#stopWatching?.()
  }
}
