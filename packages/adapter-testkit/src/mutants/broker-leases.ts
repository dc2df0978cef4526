/** Mistakes in what happens to an id under its lease, and in pausing, waiting and waking. */
import type { BrokerStrategy, Lease, QueueSize, ReceiptItem } from '@sched/core/adapter'
import type { Entry, Queue } from '../model/queue.ts'
import type { Claim } from '../model/queue-rules.ts'
import { broker } from './broker-claims.ts'
import type { Mutant } from './mutant.ts'

export const leaseMutants: readonly Mutant[] = [
  {
    mistake: 'acks without a receipt',
    parts: broker(
      (Base) =>
        class extends Base {
          protected override finish(queue: Queue, id: string, _receipt: string | undefined): boolean {
            return super.finish(queue, id, undefined)
          }
        },
    ),
    fails: {},
  },
  {
    mistake: 'nacks without a receipt',
    parts: broker(
      (Base) =>
        class extends Base {
          protected override giveBack(
            queue: Queue,
            id: string,
            delayMs: number,
            _receipt: string | undefined,
          ): boolean {
            return super.giveBack(queue, id, delayMs, undefined)
          }
        },
    ),
    fails: {},
  },
  {
    mistake: 'a lease that ended can still be acked while nobody else has claimed the id',
    parts: broker(
      (Base) =>
        class extends Base {
          protected override holds(entry: Entry, receipt: string): boolean {
            return entry.lease?.receipt === receipt
          }
          protected override mayExtend(entry: Entry, consumer: string, receipt: string | undefined): boolean {
            return this.isLeased(entry) && super.mayExtend(entry, consumer, receipt)
          }
        },
    ),
    fails: {},
  },
  {
    mistake: 'acking an unknown id is an error',
    parts: broker(
      (Base) =>
        class extends Base {
          protected override finish(queue: Queue, id: string, receipt: string | undefined): boolean {
            if (!queue.entries.has(id)) throw new Error(`unknown id ${id}`)
            return super.finish(queue, id, receipt)
          }
        },
    ),
    fails: {},
  },
  {
    mistake: 'acks at the claim',
    parts: broker(
      (Base) =>
        class extends Base {
          protected override take(name: string, claim: Claim): Lease[] {
            const leases = super.take(name, claim)
            for (const { id } of leases) this.finish(this.queue(name), id, undefined)
            return leases
          }
        },
    ),
    fails: {},
  },
  {
    mistake: 'extend revives a dead lease',
    parts: broker(
      (Base) =>
        class extends Base {
          protected override mayExtend(entry: Entry, consumer: string, receipt: string | undefined): boolean {
            const { lease } = entry
            return lease?.consumer === consumer && (receipt === undefined || receipt === lease.receipt)
          }
        },
    ),
    fails: {},
  },
  {
    mistake: 'anybody may extend',
    parts: broker(
      (Base) =>
        class extends Base {
          protected override mayExtend(entry: Entry): boolean {
            return this.isLeased(entry)
          }
        },
    ),
    fails: {},
  },
  {
    mistake: 'extend adds to the end instead of counting from now',
    parts: broker(
      (Base) =>
        class extends Base {
          protected override extend(
            queue: Queue,
            consumer: string,
            leaseMs: number,
            item: ReceiptItem,
          ): boolean {
            const until = queue.entries.get(item.id)?.lease?.until ?? 0
            const extended = super.extend(queue, consumer, leaseMs, item)
            const lease = queue.entries.get(item.id)?.lease
            if (extended && lease) lease.until = until + leaseMs
            return extended
          }
        },
    ),
    fails: {},
  },
  {
    mistake: 'extend never shortens a lease',
    parts: broker(
      (Base) =>
        class extends Base {
          protected override extend(
            queue: Queue,
            consumer: string,
            leaseMs: number,
            item: ReceiptItem,
          ): boolean {
            const until = queue.entries.get(item.id)?.lease?.until ?? 0
            const extended = super.extend(queue, consumer, leaseMs, item)
            const lease = queue.entries.get(item.id)?.lease
            if (extended && lease) lease.until = Math.max(until, lease.until)
            return extended
          }
        },
    ),
    fails: {},
  },
  {
    mistake: 'nack loses the priority',
    parts: broker(
      (Base) =>
        class extends Base {
          protected override putBack(queue: Queue, entry: Entry, delayMs: number): void {
            super.putBack(queue, entry, delayMs)
            queue.move(entry, { priority: 0 })
          }
        },
    ),
    fails: {},
  },
  {
    mistake: 'an immediate nack goes to the front',
    parts: broker(
      (Base) =>
        class extends Base {
          protected override putBack(queue: Queue, entry: Entry, delayMs: number): void {
            if (delayMs > 0) super.putBack(queue, entry, delayMs)
          }
        },
    ),
    fails: {},
  },
  {
    mistake: 'an immediate nack goes behind everything',
    parts: broker(
      (Base) =>
        class extends Base {
          protected override putBack(queue: Queue, entry: Entry, delayMs: number): void {
            super.putBack(queue, entry, delayMs)
            if (delayMs === 0) queue.move(entry, { priority: -20 })
          }
        },
    ),
    fails: {},
  },
  {
    mistake: 'nack ignores its delay',
    parts: broker(
      (Base) =>
        class extends Base {
          protected override putBack(queue: Queue, entry: Entry): void {
            super.putBack(queue, entry, 0)
          }
        },
    ),
    fails: {},
  },
  {
    mistake: 'the pause lives in one process',
    parts: broker(
      (Base) =>
        class extends Base {
          readonly #paused = new Set<string>()
          protected override paused(name: string): boolean {
            return this.#paused.has(name)
          }
          protected override setPaused(name: string, paused: boolean): void {
            if (paused) this.#paused.add(name)
            else this.#paused.delete(name)
            this.queue(name).wake()
          }
        },
    ),
    fails: {},
  },
  {
    mistake: 'pausing one queue pauses all',
    parts: broker(
      (Base) =>
        class extends Base {
          protected override paused(): boolean {
            return [...this.space.queues.values()].some((queue) => queue.paused)
          }
        },
    ),
    fails: {},
  },
  {
    mistake: 'a paused queue drops what is published',
    parts: broker(
      (Base) =>
        class extends Base {
          protected override put(queue: Queue, id: string, delayMs: number, priority: number): void {
            if (!queue.paused) super.put(queue, id, delayMs, priority)
          }
        },
    ),
    fails: {},
  },
  {
    mistake: 'a second pause resumes',
    parts: broker(
      (Base) =>
        class extends Base {
          protected override setPaused(name: string, paused: boolean): void {
            super.setPaused(name, paused && !this.paused(name))
          }
        },
    ),
    fails: {},
  },
  {
    mistake: 'pausing stops the delays',
    parts: broker((Base) => {
      const since = new WeakMap<Queue, number>()
      return class extends Base {
        protected override setPaused(name: string, paused: boolean): void {
          const queue = this.queue(name)
          const began = since.get(queue)
          if (paused) since.set(queue, began ?? this.serverNow())
          else if (began !== undefined) {
            for (const entry of [...queue.entries.values()]) {
              if (entry.dueAt > began) queue.move(entry, { dueAt: entry.dueAt + this.serverNow() - began })
            }
            since.delete(queue)
          }
          super.setPaused(name, paused)
        }
      }
    }),
    fails: {},
  },
  {
    mistake: 'close hangs a waiter',
    parts: broker(
      (Base) =>
        class extends Base {
          protected override woken(name: string, end: number): Promise<void> {
            const { clock } = this.space
            return new Promise((resolve) => {
              const stop = this.watch(name, () => done())
              const timer = clock.after(end - clock.now(), () => done())
              const done = (): void => {
                stop()
                timer.cancel()
                resolve()
              }
            })
          }
        },
    ),
    fails: {},
  },
  {
    mistake: 'loses the id when a blocked claim crashes',
    parts: broker(
      (Base) =>
        class extends Base {
          protected override async woken(
            name: string,
            end: number,
            signal: AbortSignal | undefined,
          ): Promise<void> {
            const queue = this.queue(name)
            const pop = (): void => {
              const [entry] = this.paused(name) ? [] : this.claimable(queue, 'priority', 1)
              if (entry === undefined) return
              queue.wakes.delete(pop)
              if (this.closed || signal?.aborted) queue.remove(entry)
            }
            queue.wakes.add(pop)
            await super.woken(name, end, signal)
            if (!this.closed && !signal?.aborted) queue.wakes.delete(pop)
          }
        },
    ),
    fails: {},
  },
  {
    mistake: 'a blocked claim sleeps through a due moment',
    parts: broker(
      (Base) =>
        class extends Base {
          protected override watch(name: string, onWake: () => void): () => void {
            const queue = this.queue(name)
            queue.wakes.add(onWake)
            return () => queue.wakes.delete(onWake)
          }
        },
    ),
    fails: {},
  },
  {
    mistake: 'a blocked claim ignores its signal',
    parts: broker(
      (Base) =>
        class extends Base {
          override async claimBlocking(
            name: string,
            consumer: string,
            leaseMs: number,
            timeoutMs: number,
            strategy?: BrokerStrategy,
          ): Promise<string | null> {
            return await super.claimBlocking(name, consumer, leaseMs, timeoutMs, strategy)
          }
        },
    ),
    fails: {},
  },
  {
    mistake: 'size counts expired leases as leased',
    parts: broker(
      (Base) =>
        class extends Base {
          protected override stateOf(entry: Entry): keyof QueueSize {
            return entry.lease === null ? super.stateOf(entry) : 'leased'
          }
        },
    ),
    fails: {},
  },
  {
    mistake: 'nextDueIn does not know of leases',
    parts: broker(
      (Base) =>
        class extends Base {
          override async nextDueIn(name: string): Promise<number | null> {
            return await this.step(() => {
              const waits = [...this.queue(name).entries.values()]
                .filter((entry) => !this.isLeased(entry))
                .map((entry) => this.claimableIn(entry))
              return waits.length === 0 || this.paused(name) ? null : Math.min(...waits)
            })
          }
        },
    ),
    fails: {},
  },
  {
    mistake: 'incarnation is that of the process',
    parts: broker(
      (Base) =>
        class extends Base {
          readonly #mine = `${Math.random()}`
          override async incarnation(): Promise<string> {
            await super.incarnation()
            return this.#mine
          }
        },
    ),
    fails: {},
  },
  {
    mistake: 'wakes reach their own process only',
    parts: broker(
      (Base) =>
        class extends Base {
          readonly #mine = new Set<(name: string) => void>()
          override async subscribe(
            names: readonly string[],
            onWake: (name: string) => void,
          ): Promise<() => Promise<void>> {
            const mine = (name: string): void => {
              if (names.includes(name)) onWake(name)
            }
            this.#mine.add(mine)
            return async () => void this.#mine.delete(mine)
          }
          override async publishMany(
            name: string,
            items: readonly { id: string; delayMs?: number; priority?: number }[],
          ): Promise<void> {
            await super.publishMany(name, items)
            for (const wake of this.#mine) wake(name)
          }
        },
    ),
    fails: {},
  },
  {
    mistake: 'remove does not touch what is leased',
    parts: broker(
      (Base) =>
        class extends Base {
          override async remove(name: string, id: string): Promise<boolean> {
            const entry = await this.step(() => this.queue(name).entries.get(id))
            return entry !== undefined && !this.isLeased(entry) && (await super.remove(name, id))
          }
        },
    ),
    fails: {},
  },
  {
    mistake: 'extendLock without a name knows the last queue only',
    parts: broker(
      (Base) =>
        class extends Base {
          #last: string | undefined
          protected override lease(name: string, entry: Entry, claim: Claim): Lease {
            this.#last = name
            return super.lease(name, entry, claim)
          }
          override async extendLock(
            id: string,
            consumer: string,
            leaseMs: number,
            name?: string,
            receipt?: string,
          ): Promise<void> {
            await super.extendLock(id, consumer, leaseMs, name ?? this.#last, receipt)
          }
        },
    ),
    fails: {},
  },
]
