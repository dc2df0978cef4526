import type { Backend } from './backend.ts'
import { type NextDue, QueueWatch } from './queue-watch.ts'
import { wakeKey } from './wake-key.ts'

/** How often a watch looks for itself: with LISTEN only against lost hints, without it that is all there is. */
const POLL_MS = { listening: 5_000, alone: 500 } as const

/** Who waits for the queues of one broker, and what wakes them: its own writes, those of others, time, and its end. */
export class BrokerWakes {
  readonly #backend: Backend
  readonly #nextDue: (names: readonly string[]) => Promise<readonly NextDue[]>
  readonly #stops = new Set<() => void>()
  /** Called when the broker has closed. */
  readonly #waits = new Set<() => void>()
  /** Queues of which a claim was refused a place by `maxActive`. */
  readonly #limited = new Set<string>()

  constructor(backend: Backend, nextDue: (names: readonly string[]) => Promise<readonly NextDue[]>) {
    this.#backend = backend
    this.#nextDue = nextDue
  }

  /** Resolves, once listening, to the way to stop. */
  async watch(names: readonly string[], onWake: (name: string) => void): Promise<() => void> {
    const { listen, logger } = this.#backend.settings
    const stopWatch = await QueueWatch.start({
      wakes: this.#backend.wakes,
      names: new Map(names.map((name) => [this.#key(name), name])),
      onWake,
      nextDue: () => this.#nextDue(names),
      pollMs: listen === false ? POLL_MS.alone : POLL_MS.listening,
      onFault: (error) => logger.warn('looking for what is due next failed; it goes on', { error }),
    })
    const stop = (): void => {
      this.#stops.delete(stop)
      stopWatch()
    }
    this.#stops.add(stop)
    return stop
  }

  /** Calls back when the broker has closed, or the signal aborts. Gives the way to forget it. */
  onStop(callback: () => void, signal: AbortSignal | undefined): () => void {
    this.#waits.add(callback)
    signal?.addEventListener('abort', callback)
    return () => {
      this.#waits.delete(callback)
      signal?.removeEventListener('abort', callback)
    }
  }

  stopWatches(): void {
    for (const stop of [...this.#stops]) stop()
  }

  endWaits(): void {
    for (const callback of [...this.#waits]) callback()
  }

  /** There is something new in the queue. */
  tell(name: string): void {
    this.#limited.delete(name)
    this.#backend.wakes.tell([this.#key(name)])
  }

  /** A claim was refused a place: whoever frees one is to tell. */
  limited(name: string): void {
    this.#limited.add(name)
  }

  freed(name: string): void {
    if (this.#limited.delete(name)) this.tell(name)
  }

  #key(name: string): string {
    return wakeKey('queue', this.#backend.settings.prefix, name)
  }
}
