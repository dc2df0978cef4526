/** What watches a broker's queues: wakes for subscribers and blocked claims, which end with the broker. */
import type { Backend } from './backend.ts'
import { nextTimed } from './commands/broker-next-timed.ts'
import { DueWatch } from './due-watch.ts'

export class BrokerWatches {
  readonly #backend: Backend
  /** Called when the broker closes. */
  readonly #onClose = new Set<() => void>()
  #closed = false

  constructor(backend: Backend) {
    this.#backend = backend
  }

  /** `keys`: the queues' names by their keys. Resolves, once listening, to the way to stop. */
  async watch(keys: ReadonlyMap<string, string>, onWake: (name: string) => void): Promise<() => void> {
    const { connection, wakes, settings } = this.#backend
    let since: Date | undefined
    const stop = await DueWatch.start({
      wakes,
      names: new Map(Array.from(keys.values(), (name) => [wakeKey(name), name])),
      onWake,
      nextDue: async () => {
        const { ended, next, at } = await nextTimed(connection, [...keys.keys()], since)
        since = at
        for (const q of ended) onWake(keys.get(q) as string)
        return next === null ? null : { name: keys.get(next.q) as string, inMs: next.inMs }
      },
      onFault: (error) =>
        settings.logger.warn('the next due moment could not be read; polling goes on', { error }),
    })
    return this.#stopAtClose(stop)
  }

  /** Calls back when the broker closes or `signal` aborts, until the answer is called. */
  onStop(callback: () => void, signal: AbortSignal | undefined): () => void {
    this.#onClose.add(callback)
    signal?.addEventListener('abort', callback)
    return () => {
      this.#onClose.delete(callback)
      signal?.removeEventListener('abort', callback)
    }
  }

  signal(name: string): void {
    this.#backend.wakes.signal([wakeKey(name)])
  }

  close(): void {
    this.#closed = true
    for (const callback of [...this.#onClose]) callback()
  }

  /** Watches must not keep on looking once the broker is closed. */
  #stopAtClose(stop: () => void): () => void {
    if (this.#closed) stop()
    else this.#onClose.add(stop)
    return () => {
      this.#onClose.delete(stop)
      stop()
    }
  }
}

function wakeKey(name: string): string {
  return `q:${name}`
}
