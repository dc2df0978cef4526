export interface BlockedClaim {
  /** Resolves, once listening, to the way to stop. */
  readonly watch: (onWake: () => void) => Promise<() => void>
  readonly claim: () => Promise<string | null>
  readonly stopped: () => boolean
  /** Calls when it may have stopped; returns the way not to be called any more. */
  readonly onStop: (callback: () => void) => () => void
}

/** Claims at every wake until there is an id, `end` (on the monotonic clock) has come, or a signal says stop. */
export async function waitForWake(blocked: BlockedClaim, end: number): Promise<string | null> {
  const wakes = new Wakes(end)
  const forget = blocked.onStop(() => wakes.wake())
  let stopWatching: (() => void) | undefined
  try {
    stopWatching = await blocked.watch(() => wakes.wake())
    // the first look here is after listening began, so that nothing falls between
    for (;;) {
      if (blocked.stopped()) return null
      const id = await blocked.claim()
      if (id !== null || blocked.stopped()) return id
      if (performance.now() >= end) return null
      await wakes.next()
    }
  } finally {
    stopWatching?.()
    forget()
  }
}

/** Remembers a wake that comes while nobody waits. */
class Wakes {
  #woken = false
  #resolve: (() => void) | undefined
  readonly #end: number

  constructor(end: number) {
    this.#end = end
  }

  wake(): void {
    this.#woken = true
    this.#resolve?.()
  }

  async next(): Promise<void> {
    if (!this.#woken) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(
          () => this.#resolve?.(),
          Math.min(this.#end - performance.now(), 2 ** 31 - 1),
        )
        this.#resolve = () => {
          clearTimeout(timer)
          this.#resolve = undefined
          resolve()
        }
      })
    }
    this.#woken = false
  }
}
