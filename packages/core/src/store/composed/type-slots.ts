import type { ILockAdapter } from '../../contracts/lock-adapter.ts'
import { inParallel } from './in-parallel.ts'

/**
 * A type's limit over the cluster where the broker has none: one of N lock keys a running job, held like any lock. The worker owns
 * its keys; which job stands on which key is only known here.
 */
export class TypeSlots {
  readonly #lock: ILockAdapter
  /** Worker → keys it holds here. */
  readonly #held: Map<string, Set<string>> = new Map()
  readonly #keyOfJob: Map<string, { readonly worker: string; readonly key: string }> = new Map()

  constructor(lock: ILockAdapter) {
    this.#lock = lock
  }

  /** Takes up to `wanted` of the type's `maxActive` keys for `leaseMs`. */
  async take(
    type: string,
    worker: string,
    wanted: number,
    maxActive: number,
    leaseMs: number,
  ): Promise<string[]> {
    const mine = this.#keysOf(worker)
    const taken: string[] = []
    const start = Math.floor(Math.random() * maxActive)
    for (let tries = 0; tries < maxActive && taken.length < wanted; tries++) {
      const key = `limit:${(start + tries) % maxActive}:${type}`
      if (mine.has(key)) continue
      mine.add(key)
      if (await this.#acquire(key, worker, leaseMs)) taken.push(key)
    }
    return taken
  }

  /** A job stands on the key until {@link free}. */
  assign(worker: string, id: string, key: string): void {
    this.#keyOfJob.set(id, { worker, key })
  }

  /** Gives back keys that no job stands on. */
  async giveBack(worker: string, keys: readonly string[]): Promise<void> {
    const mine = this.#keysOf(worker)
    await inParallel(keys, async (key) => {
      mine.delete(key)
      await this.#lock.release(key, worker)
    })
  }

  /** The jobs ended; their keys are free again. */
  async free(ids: readonly string[]): Promise<void> {
    for (const id of ids) {
      const place = this.#keyOfJob.get(id)
      if (!place) continue
      this.#keyOfJob.delete(id)
      await this.giveBack(place.worker, [place.key])
    }
  }

  /** Keeps the worker's keys as long as its lease. A key that was lost meanwhile is no longer its own. */
  async renew(worker: string, leaseMs: number): Promise<void> {
    const mine = this.#keysOf(worker)
    await inParallel([...mine], async (key) => {
      if (!(await this.#lock.renew(key, worker, leaseMs))) mine.delete(key)
    })
  }

  /** Gives back all of the worker's keys. */
  async leave(worker: string): Promise<void> {
    await this.giveBack(worker, [...this.#keysOf(worker)])
  }

  /** The worker is no more: its keys are forgotten here, and end by themselves. */
  drop(worker: string): void {
    this.#held.delete(worker)
    for (const [id, place] of this.#keyOfJob) if (place.worker === worker) this.#keyOfJob.delete(id)
  }

  #keysOf(worker: string): Set<string> {
    let keys = this.#held.get(worker)
    if (!keys) {
      keys = new Set()
      this.#held.set(worker, keys)
    }
    return keys
  }

  async #acquire(key: string, worker: string, leaseMs: number): Promise<boolean> {
    const mine = this.#keysOf(worker)
    try {
      const taken = await this.#lock.acquire(key, worker, leaseMs)
      if (!taken) mine.delete(key)
      return taken
    } catch (error) {
      mine.delete(key)
      throw error
    }
  }
}
