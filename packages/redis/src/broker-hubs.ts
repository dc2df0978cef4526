import type { Backend } from './backend.ts'
import { BROKER_SCRIPTS } from './broker-scripts.ts'
import { brokerBase, queueBase } from './keys.ts'
import type { OnWake, WakeHub } from './wake-hub.ts'

/** Those who wait for a broker's queues: one hub a scope, and what is to be told when the broker closes. */
export class BrokerHubs {
  readonly #backend: Backend
  readonly #hubs = new Map<string, WakeHub>()
  readonly #onClose = new Set<() => void>()

  constructor(backend: Backend) {
    this.#backend = backend
  }

  /** Resolves, once listening, to the way to stop. */
  async watch(names: readonly string[], onWake: OnWake): Promise<() => void> {
    const byHub = new Map<WakeHub, string[]>()
    for (const name of new Set(names)) {
      const hub = this.#of(name)
      byHub.set(hub, [...(byHub.get(hub) ?? []), name])
    }
    const stops: (() => void)[] = []
    const stop = (): void => {
      for (const one of stops) one()
    }
    try {
      for (const [hub, group] of byHub) stops.push(await hub.watch(group, onWake))
    } catch (error) {
      stop()
      throw error
    }
    return stop
  }

  /** Calls back when the broker closes or the signal aborts; returns the way to be left alone. */
  onStop(callback: () => void, signal: AbortSignal | undefined): () => void {
    this.#onClose.add(callback)
    signal?.addEventListener('abort', callback)
    return () => {
      this.#onClose.delete(callback)
      signal?.removeEventListener('abort', callback)
    }
  }

  /** Whoever waits looks again. What fails here the hubs' next check does. */
  refresh(): void {
    for (const hub of this.#hubs.values()) hub.refresh().catch(() => undefined)
  }

  close(): void {
    for (const hub of this.#hubs.values()) hub.close()
  }

  /** The broker is closed. */
  closed(): void {
    for (const callback of [...this.#onClose]) callback()
  }

  #of(name: string): WakeHub {
    const { prefix } = this.#backend.settings
    const base = brokerBase(prefix, name)
    const hub =
      this.#hubs.get(base) ??
      this.#backend.openHub(base, {
        script: BROKER_SCRIPTS.listen,
        parts: (names) => names.map((each) => queueBase(prefix, each)),
      })
    this.#hubs.set(base, hub)
    return hub
  }
}
