import type { ClaimOptions, IBrokerEngine, Lease } from '../../contracts/broker-engine.ts'
import { SchedError } from '../../errors/sched-error.ts'
import { groupBy, inParallel } from './in-parallel.ts'

/** An id under this worker's lease in the broker. The queue of a job is named after its type. */
export interface Leased {
  readonly id: string
  readonly type: string
  /** Undefined where the broker gives none. */
  readonly receipt?: string | undefined
  /** Undefined where the broker does not count. */
  readonly deliveries?: number | undefined
}

export interface Publication {
  readonly id: string
  readonly type: string
  readonly delayMs: number
  readonly priority: number
}

export interface Return extends Leased {
  readonly delayMs: number
}

export interface QueueClaim {
  readonly maxActive?: number | undefined
  readonly handOver?: ((leased: Leased) => void) | undefined
}

/** The broker by batches, over any number of queues: one call a queue where the broker has batches, single calls else. */
export class Queues {
  readonly #broker: IBrokerEngine
  readonly #onPublished: (type: string) => void

  /** `onPublished`: what this process publishes it need not be woken for. */
  constructor(broker: IBrokerEngine, onPublished: (type: string) => void = () => undefined) {
    this.#broker = broker
    this.#onPublished = onPublished
  }

  /** True when the broker itself holds a type's limit over the cluster. */
  get holdsLimits(): boolean {
    return this.#broker.claimLeases !== undefined
  }

  /** `handOver`: as the broker's, where it has that. */
  async claim(
    type: string,
    worker: string,
    limit: number,
    leaseMs: number,
    { maxActive, handOver }: QueueClaim = {},
  ): Promise<Leased[]> {
    if (this.#broker.claimLeases) {
      const leased = ({ id, receipt, deliveries }: Lease): Leased => ({ id, type, receipt, deliveries })
      const options: ClaimOptions = {
        ...(maxActive !== undefined && { maxActive }),
        ...(handOver && { handOver: (lease) => handOver(leased(lease)) }),
      }
      return (await this.#broker.claimLeases(type, worker, limit, leaseMs, options)).map(leased)
    }
    const ids = await this.#broker.claim(type, worker, limit, leaseMs)
    return ids.map((id) => ({ id, type }))
  }

  async publish(items: readonly Publication[]): Promise<void> {
    await inParallel([...groupBy(items, ({ type }) => type)], async ([type, group]) => {
      if (this.#broker.publishMany) {
        const batch = group.map(({ id, delayMs, priority }) => ({ id, delayMs, priority }))
        await this.#broker.publishMany(type, batch)
      } else
        await inParallel(group, ({ id, delayMs, priority }) =>
          this.#broker.publish(type, id, delayMs, priority),
        )
      this.#onPublished(type)
    })
  }

  /** False where the lease is gone. */
  ack(items: readonly Leased[]): Promise<boolean[]> {
    return byType(items, async (type, group) => {
      if (this.#broker.ackMany) return this.#broker.ackMany(type, group.map(proof))
      return inParallel(
        group,
        async ({ id, receipt }) => (await this.#broker.ack(type, id, receipt)) !== false,
      )
    })
  }

  /** False where the lease is gone. */
  nack(items: readonly Return[]): Promise<boolean[]> {
    return byType(items, async (type, group) => {
      if (this.#broker.nackMany) {
        const batch = group.map((item) => ({ ...proof(item), delayMs: item.delayMs }))
        return this.#broker.nackMany(type, batch)
      }
      return inParallel(
        group,
        async ({ id, receipt, delayMs }) => (await this.#broker.nack(type, id, delayMs, receipt)) !== false,
      )
    })
  }

  /** False where the lease is gone. */
  extend(worker: string, leaseMs: number, items: readonly Leased[]): Promise<boolean[]> {
    return byType(items, async (type, group) => {
      if (this.#broker.extendMany) return this.#broker.extendMany(type, worker, leaseMs, group.map(proof))
      return inParallel(group, ({ id, receipt }) => this.#extendOne(id, worker, leaseMs, type, receipt))
    })
  }

  /** Those that the broker does not have; all of them where it cannot say. */
  async absent(type: string, ids: readonly string[]): Promise<Set<string>> {
    if (!this.#broker.has) return new Set(ids)
    const there = await this.#broker.has(type, ids)
    return new Set(ids.filter((_, index) => !there[index]))
  }

  /** Best effort: an entry that stays is acknowledged by whoever claims it. */
  async remove(items: readonly Leased[]): Promise<void> {
    if (this.#broker.remove) await inParallel(items, ({ type, id }) => this.#broker.remove!(type, id))
  }

  /** True when the broker can say what becomes due. */
  get tellsDue(): boolean {
    return this.#broker.nextDueIn !== undefined
  }

  async nextDueIn(type: string): Promise<number | null> {
    return (await this.#broker.nextDueIn?.(type)) ?? null
  }

  async setPaused(type: string, paused: boolean): Promise<void> {
    if (paused) await this.#broker.pause(type)
    else await this.#broker.resume(type)
  }

  /** Undefined where the broker cannot say. */
  async isPaused(type: string): Promise<boolean | undefined> {
    return this.#broker.isPaused?.(type)
  }

  /** Undefined where the broker cannot say whether it lost its data. */
  async incarnation(): Promise<string | undefined> {
    return this.#broker.incarnation?.()
  }

  /** Undefined where the broker has no wakes. */
  subscribe(
    types: readonly string[],
    onWake: (type: string) => void,
  ): Promise<() => Promise<void>> | undefined {
    return this.#broker.subscribe?.(types, onWake)
  }

  async #extendOne(
    id: string,
    worker: string,
    leaseMs: number,
    type: string,
    receipt: string | undefined,
  ): Promise<boolean> {
    try {
      await this.#broker.extendLock(id, worker, leaseMs, type, receipt)
      return true
    } catch (error) {
      if (error instanceof SchedError && error.code === 'LEASE_LOST') return false
      throw error
    }
  }
}

function proof({ id, receipt }: Leased): { id: string; receipt?: string } {
  return receipt === undefined ? { id } : { id, receipt }
}

/** One call a type; the answers in the order of `items`. */
async function byType<T extends Leased>(
  items: readonly T[],
  call: (type: string, group: T[]) => Promise<boolean[]>,
): Promise<boolean[]> {
  const answers = new Map<T, boolean>()
  await inParallel([...groupBy(items, ({ type }) => type)], async ([type, group]) => {
    const replies = await call(type, group)
    for (const [index, item] of group.entries()) answers.set(item, replies[index] ?? true)
  })
  return items.map((item) => answers.get(item) ?? true)
}
