import { ClosedError, InvalidArgumentError } from '../errors/sched-error.ts'

export interface BlockedClaim {
  /** Resolves, once listening, to the way to stop. */
  readonly watch: (onWake: () => void) => Promise<() => void>
  /** Claims one id; null when there is none. `isFirst`: nobody listened yet. */
  readonly claim: (isFirst: boolean) => Promise<string | null>
  readonly isClosed: () => boolean
  /** Calls when it may have stopped; returns the way not to be called any more. */
  readonly onStop: (callback: () => void) => () => void
}

/**
 * `claimBlocking` of a broker: claims at once and at every wake until there is an id, `timeoutMs` have passed, or the broker closes or
 * `signal` says stop, which end it with null wherever it was. Throws INVALID_ARGUMENT for a bad timeout.
 */
export async function claimBlocked(
  blocked: BlockedClaim,
  timeoutMs: number,
  signal?: AbortSignal,
): Promise<string | null> {
  if (!(timeoutMs >= 0))
    throw new InvalidArgumentError(`timeoutMs must be 0 or more milliseconds, not ${timeoutMs}`)
  const end = performance.now() + timeoutMs
  const stopped = (): boolean => blocked.isClosed() || signal?.aborted === true
  if (stopped()) return null
  try {
    const first = await blocked.claim(true)
    if (first !== null || timeoutMs === 0 || stopped()) return first
    return await claimWhenWoken(blocked, stopped, end)
  } catch (error) {
    if (error instanceof ClosedError || blocked.isClosed()) return null
    throw error
  }
}

async function claimWhenWoken(
  blocked: BlockedClaim,
  stopped: () => boolean,
  end: number,
): Promise<string | null> {
  const wakes = new Wakes(end)
  const forget = blocked.onStop(() => wakes.wake())
  let stopWatching: (() => void) | undefined
  try {
    stopWatching = await blocked.watch(() => wakes.wake())
    // the first look here is after listening began, so that nothing falls between
    for (;;) {
      if (stopped()) return null
      const id = await blocked.claim(false)
      if (id !== null || stopped()) return id
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
