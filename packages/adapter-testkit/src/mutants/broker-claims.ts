/** Mistakes in what a broker hands out, and in what order. */
import type { BrokerStrategy, Lease } from '@sched/core/adapter'
import { ModelBroker } from '../model/broker.ts'
import type { Entry, Queue } from '../model/queue.ts'
import type { Claim } from '../model/queue-rules.ts'
import type { Mutant } from './mutant.ts'

export function broker(make: (base: typeof ModelBroker) => typeof ModelBroker): Mutant['parts'] {
  const Broken = make(ModelBroker)
  return { broker: (node) => new Broken(node) }
}

export const claimMutants: readonly Mutant[] = [
  {
    mistake: 'blocks on a republished claimed id',
    parts: broker((Base) => {
      const republished = new WeakSet<Entry>()
      return class extends Base {
        protected override put(queue: Queue, id: string, delayMs: number, priority: number): void {
          const entry = queue.entries.get(id)
          if (entry !== undefined && this.isLeased(entry)) republished.add(entry)
          super.put(queue, id, delayMs, priority)
        }
        protected override claimable(queue: Queue, strategy: BrokerStrategy, room: number): Entry[] {
          for (const entry of queue.inOrder(strategy)) {
            if (this.claimableIn(entry) === 0) break
            if (republished.has(entry) && this.isLeased(entry)) return []
          }
          return super.claimable(queue, strategy, room)
        }
      }
    }),
    fails: {},
  },
  {
    mistake: 'forgets the id when its lease ends',
    parts: broker(
      (Base) =>
        class extends Base {
          protected override queue(name: string): Queue {
            const queue = super.queue(name)
            for (const entry of [...queue.entries.values()]) {
              if (entry.lease !== null && !this.isLeased(entry)) queue.remove(entry)
            }
            return queue
          }
        },
    ),
    fails: {},
  },
  {
    mistake: 'takes the consumer for the token',
    parts: broker(
      (Base) =>
        class extends Base {
          protected override newReceipt(claim: Claim): string {
            return claim.consumer
          }
        },
    ),
    fails: {},
  },
  {
    mistake: 'publish steals a live lease',
    parts: broker(
      (Base) =>
        class extends Base {
          protected override put(queue: Queue, id: string, delayMs: number, priority: number): void {
            const entry = queue.entries.get(id)
            if (entry !== undefined) entry.lease = null
            super.put(queue, id, delayMs, priority)
          }
        },
    ),
    fails: {},
  },
  {
    mistake: 'priority ids invisible to fifo',
    parts: broker(
      (Base) =>
        class extends Base {
          protected override claimable(queue: Queue, strategy: BrokerStrategy, room: number): Entry[] {
            const found = super.claimable(
              queue,
              strategy,
              strategy === 'priority' ? room : Number.POSITIVE_INFINITY,
            )
            if (strategy === 'priority') return found
            return found.filter((entry) => entry.priority === 0).slice(0, Math.max(0, room))
          }
        },
    ),
    fails: {},
  },
  {
    mistake: 'fifo and lifo go by priority first',
    parts: broker(
      (Base) =>
        class extends Base {
          protected override claimable(queue: Queue, strategy: BrokerStrategy, room: number): Entry[] {
            if (strategy === 'priority') return super.claimable(queue, strategy, room)
            const found = super.claimable(queue, strategy, Number.POSITIVE_INFINITY)
            return found.sort((a, b) => b.priority - a.priority).slice(0, Math.max(0, room))
          }
        },
    ),
    fails: {},
  },
  {
    mistake: 'declares what it cannot do',
    parts: broker(
      (Base) =>
        class extends Base {
          protected override claimable(queue: Queue, strategy: BrokerStrategy, room: number): Entry[] {
            return super.claimable(queue, strategy === 'lifo' ? 'fifo' : strategy, room)
          }
        },
    ),
    fails: {},
  },
  {
    mistake: 'priority upside down',
    parts: broker(
      (Base) =>
        class extends Base {
          protected override put(queue: Queue, id: string, delayMs: number, priority: number): void {
            const entry = queue.entries.get(id)
            const known = entry === undefined ? undefined : -entry.priority
            super.put(queue, id, delayMs, -20)
            const stored = queue.entries.get(id)
            if (stored === undefined || this.isLeased(stored)) return
            queue.move(stored, { priority: -Math.max(known ?? -20, priority) })
          }
        },
    ),
    fails: {},
  },
  {
    mistake: 'priorities are compared as text',
    parts: broker(
      (Base) =>
        class extends Base {
          protected override put(queue: Queue, id: string, delayMs: number, priority: number): void {
            super.put(queue, id, delayMs, asText(priority))
          }
        },
    ),
    fails: {},
  },
  {
    mistake: 'unsorted batch',
    parts: broker(
      (Base) =>
        class extends Base {
          protected override take(name: string, claim: Claim): Lease[] {
            return super.take(name, claim).reverse()
          }
        },
    ),
    fails: {},
  },
  {
    mistake: 'promotes twice',
    parts: broker((Base) => {
      const twice = new WeakSet<Entry>()
      return class extends Base {
        protected override put(queue: Queue, id: string, delayMs: number, priority: number): void {
          super.put(queue, id, delayMs, priority)
          const entry = queue.entries.get(id)
          if (entry !== undefined && delayMs > 0) twice.add(entry)
        }
        protected override lease(name: string, entry: Entry, claim: Claim): Lease {
          const lease = super.lease(name, entry, claim)
          if (twice.delete(entry)) entry.lease = null
          return lease
        }
      }
    }),
    fails: {},
  },
  {
    mistake: 'a negative limit means all',
    parts: broker(
      (Base) =>
        class extends Base {
          protected override checkLimit(): void {}
          protected override claimable(queue: Queue, strategy: BrokerStrategy, room: number): Entry[] {
            return super.claimable(queue, strategy, room < 0 ? Number.POSITIVE_INFINITY : room)
          }
        },
    ),
    fails: {},
  },
  {
    mistake: 'limit 0 means one',
    parts: broker(
      (Base) =>
        class extends Base {
          protected override take(name: string, claim: Claim): Lease[] {
            return super.take(name, { ...claim, limit: claim.limit || 1 })
          }
        },
    ),
    fails: {},
  },
  {
    mistake: 'a claim gives one more than it was asked for',
    parts: broker(
      (Base) =>
        class extends Base {
          protected override take(name: string, claim: Claim): Lease[] {
            return super.take(name, { ...claim, limit: claim.limit === 0 ? 0 : claim.limit + 1 })
          }
        },
    ),
    fails: {},
  },
  {
    mistake: 'finds its ids first and leases them later',
    parts: broker(
      (Base) =>
        class extends Base {
          override async claimLeases(
            name: string,
            consumer: string,
            limit: number,
            leaseMs: number,
            options: { strategy?: BrokerStrategy; maxActive?: number } = {},
          ): Promise<Lease[]> {
            const claim = this.checkedClaim(name, consumer, limit, leaseMs, options)
            const found = await this.step(() => {
              const queue = this.queue(name)
              const room = Math.min(claim.limit, claim.maxActive - this.active(queue, claim))
              return this.paused(name) ? [] : this.claimable(queue, claim.strategy, room)
            })
            return await this.step(() => found.map((entry) => this.lease(name, entry, claim)))
          }
        },
    ),
    fails: {},
  },
  {
    mistake: 'maxActive counts this consumer only',
    parts: broker(
      (Base) =>
        class extends Base {
          protected override active(queue: Queue, claim: Claim): number {
            return [...queue.entries.values()].filter(
              (entry) => this.isLeased(entry) && entry.lease?.consumer === claim.consumer,
            ).length
          }
        },
    ),
    fails: {},
  },
  {
    mistake: 'a place under maxActive is never freed by an expired lease',
    parts: broker(
      (Base) =>
        class extends Base {
          protected override active(queue: Queue, claim: Claim): number {
            if (claim.maxActive === Number.POSITIVE_INFINITY) return 0
            return [...queue.entries.values()].filter((entry) => entry.lease !== null).length
          }
        },
    ),
    fails: {},
  },
  {
    mistake: 'deliveries are not counted',
    parts: broker(
      (Base) =>
        class extends Base {
          protected override lease(name: string, entry: Entry, claim: Claim): Lease {
            entry.deliveries = 0
            return super.lease(name, entry, claim)
          }
        },
    ),
    fails: {},
  },
  {
    mistake: 'dueAt is the time of the claim',
    parts: broker(
      (Base) =>
        class extends Base {
          protected override lease(name: string, entry: Entry, claim: Claim): Lease {
            return { ...super.lease(name, entry, claim), dueAt: this.serverNow() }
          }
        },
    ),
    fails: {},
  },
  {
    mistake: 'delays are whole seconds',
    parts: broker(
      (Base) =>
        class extends Base {
          protected override put(queue: Queue, id: string, delayMs: number, priority: number): void {
            super.put(queue, id, Math.floor(delayMs / 1000) * 1000, priority)
          }
        },
    ),
    fails: {},
  },
  {
    mistake: 'a delay beyond 2^31 ms fires at once, as setTimeout has it',
    parts: broker(
      (Base) =>
        class extends Base {
          protected override put(queue: Queue, id: string, delayMs: number, priority: number): void {
            super.put(queue, id, delayMs >= 2 ** 31 ? 0 : delayMs, priority)
          }
        },
    ),
    fails: {},
  },
  {
    mistake: 'a delayed id loses its priority',
    parts: broker(
      (Base) =>
        class extends Base {
          protected override put(queue: Queue, id: string, delayMs: number, priority: number): void {
            super.put(queue, id, delayMs, delayMs > 0 ? 0 : priority)
          }
        },
    ),
    fails: {},
  },
  {
    mistake: 'a republish moves the due time back',
    parts: broker(
      (Base) =>
        class extends Base {
          protected override put(queue: Queue, id: string, delayMs: number, priority: number): void {
            super.put(queue, id, delayMs, priority)
            const entry = queue.entries.get(id)
            if (entry !== undefined && !this.isLeased(entry))
              queue.move(entry, { dueAt: this.serverNow() + delayMs })
          }
        },
    ),
    fails: {},
  },
  {
    mistake: 'a republish takes the last priority, not the higher',
    parts: broker(
      (Base) =>
        class extends Base {
          protected override put(queue: Queue, id: string, delayMs: number, priority: number): void {
            super.put(queue, id, delayMs, priority)
            const entry = queue.entries.get(id)
            if (entry !== undefined && !this.isLeased(entry)) queue.move(entry, { priority })
          }
        },
    ),
    fails: {},
  },
  {
    mistake: 'priorities out of range are clamped',
    parts: broker(
      (Base) =>
        class extends Base {
          protected override checkPriority(): void {}
          protected override put(queue: Queue, id: string, delayMs: number, priority: number): void {
            super.put(queue, id, delayMs, Math.max(-20, Math.min(20, Math.trunc(priority))))
          }
        },
    ),
    fails: {},
  },
  {
    mistake: 'negative delays count as now',
    parts: broker(
      (Base) =>
        class extends Base {
          protected override checkDelay(): void {}
          protected override put(queue: Queue, id: string, delayMs: number, priority: number): void {
            super.put(queue, id, Math.max(0, delayMs || 0), priority)
          }
        },
    ),
    fails: {},
  },
  {
    mistake: 'queue names are compared without regard to case',
    parts: broker(
      (Base) =>
        class extends Base {
          protected override queueKey(name: string): string {
            return name.toLowerCase()
          }
        },
    ),
    fails: {},
  },
  {
    mistake: 'a claim walks the whole backlog',
    slow: true,
    parts: broker(
      (Base) =>
        class extends Base {
          protected override claimable(queue: Queue, strategy: BrokerStrategy, room: number): Entry[] {
            const all = [...queue.inOrder(strategy)].filter((entry) => this.claimableIn(entry) === 0)
            return all.slice(0, Math.max(0, room))
          }
        },
    ),
    fails: {},
  },
]

/** Orders like text: `10` before `9`. */
function asText(priority: number): number {
  return Math.sign(priority) * Math.round(Number(`0.${Math.abs(priority)}`) * 20)
}
