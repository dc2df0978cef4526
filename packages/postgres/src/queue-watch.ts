/** Wakes of queues: what others tell, and what time alone makes claimable, by one timer a watch and a slow poll. */
import type { Wakes } from './wakes.ts'

/** Something in this queue is claimable in so many ms, by time alone; 0: it is now. */
export interface NextDue {
  readonly name: string
  readonly inMs: number
}

export interface QueueWatchOptions {
  readonly wakes: Wakes
  /** Wake key → queue. */
  readonly names: ReadonlyMap<string, string>
  readonly onWake: (name: string) => void
  readonly nextDue: () => Promise<readonly NextDue[]>
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
      let due: readonly NextDue[] = []
      try {
        due = await this.#options.nextDue()
      } catch (error) {
        if (!this.#stopped) this.#options.onFault(error)
      }
      if (this.#stopped) return
      clearTimeout(this.#timer)
      const { pollMs } = this.#options
      // what nobody takes, of a full queue for instance, must not hide what comes due in another
      const later = due.filter(({ inMs }) => inMs > 0)
      const inMs = Math.ceil(Math.min(pollMs, ...later.map((each) => each.inMs)))
      this.#wake(due.filter((each) => each.inMs <= 0))
      this.#timer = setTimeout(() => {
        this.#wake(later.filter((each) => each.inMs <= inMs))
        void this.#look()
      }, inMs)
      this.#timer.unref()
    } while (this.#lookAgain)
    this.#looking = false
  }

  #wake(due: readonly NextDue[]): void {
    for (const { name } of due) this.#options.onWake(name)
  }

  #stop(): void {
    this.#stopped = true
    clearTimeout(this.#timer)
    this.#stopWatching?.()
  }
}
