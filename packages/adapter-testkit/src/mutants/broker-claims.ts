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
    sometimes: ['race/no-loss'],
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
    fails: {
      'broker/republish-claimed-no-block': 'claim of one, after the republish of "a"',
    },
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
    fails: {
      'broker/ack': 'what is claimable after the lease: not the acknowledged',
      'broker/ack-late-harmless': 'the id that claimLeases of one gives from mail',
      'broker/block-crash-no-loss': 'what is claimable once every lease ended (nothing was acknowledged)',
      'broker/block-due': 'claimBlocking after another’s lease ended',
      'broker/expiry-no-scanner': 'the very first claim of another node, the holder’s being closed',
      'broker/expiry-redelivers': 'claimLeases after the leases ended',
      'broker/extend': 'what is claimable after the first lease: all but the extended',
      'broker/extend-foreign': 'claim after the holder’s own lease',
      'broker/extend-late': 'claim by another afterwards',
      'broker/extend-many': 'what is claimable after the first lease: all but the extended',
      'broker/has': 'has of none, ended, delayed, done, leased, other, waiting, ended',
      'broker/nack-late-harmless': 'the id that claimLeases of one gives from mail',
      'broker/pause-delay-runs': 'claim after resume',
      'broker/republish-claimed-no-steal': 'claim after the lease ended, once',
      'broker/same-consumer-aba': 'the id that claimLeases of one gives from mail',
      'broker/size': 'size after both ended',
      'fault/kill-after-claim': 'what another claims after the leases ended',
      'fault/kill-before-ack': 'what another claims after the lease ended',
      'model/broker': 'claim of all after the lease of a ended',
      'race/ack-vs-expiry': 'what another was given, the ack at the end of the lease having resolved false',
      'race/extend-vs-expiry': 'what another was given, extendLock having rejected',
      'race/no-loss': 'what was acknowledged or is left to claim',
      'time/node-one-hour-ahead': 'claim by the other after the lease that the node whose clock is off had',
      'time/node-one-hour-behind': 'claim by the other after the lease that the node whose clock is off had',
      'time/ttl-floor': 'claim by another after a lease of',
    },
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
    fails: {
      'broker/ack-many': 'what ackMany resolves to',
      'broker/extend-many': 'what extendMany resolves to with another’s and its own receipt',
      'broker/lease-fields': 'the receipt of the second id',
      'broker/same-consumer-aba': 'the receipt of the second claim',
    },
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
    fails: {
      'broker/publish-many': 'the order after publishMany',
      'broker/republish-claimed-no-block': 'claim of one, after the republish of "a"',
      'broker/republish-claimed-no-steal': 'claim by another after the republish',
      'model/broker': 'size after publish',
    },
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
    fails: {
      'broker/fifo': 'the order of one fifo claim',
      'broker/lifo': 'the order of one lifo claim',
      'broker/priority-visible-to-fifo': 'what a fifo claim sees',
      'broker/strategy-everywhere': 'what claimLeases gives first (lifo)',
      'broker/strategy-switch-strands-none': 'what the claims gave',
    },
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
    fails: {
      'broker/fifo': 'the order of one fifo claim',
      'broker/lifo': 'the order of one lifo claim',
      'broker/strategy-everywhere': 'what claimLeases gives first (fifo)',
    },
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
    fails: {
      'broker/lifo': 'the order of one lifo claim',
      'broker/strategy-everywhere': 'what claimLeases gives first (lifo)',
    },
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
    fails: {
      'broker/delay-joins-priority': 'the order once all are due',
      'broker/double-publish-coalesces': 'the order after a higher and a lower republish',
      'broker/nack-keeps-priority': 'the order after nack of the higher',
      'broker/priority-default': 'the order around the default',
      'broker/priority-high-first': 'the order of one claim',
      'broker/priority-ties-fifo': 'the order of one claim of three priorities',
      'broker/publish-many': 'the order after publishMany',
      'broker/strategy-everywhere': 'what claimLeases gives first (no strategy)',
      'job-store/claim-order': 'the ids of one claim, in order',
      'job-store/concurrency-place-comes-back': 'the jobs that w could claim',
      'job-store/pause-resume': 'the jobs that w could claim',
      'job-store/settle-retry-delay-holds': 'the jobs that w could claim',
      'model/broker': 'claim of 1 by x',
    },
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
    fails: {
      'broker/priority-high-first': 'the order of one claim',
      'job-store/claim-order': 'the ids of one claim, in order',
    },
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
    fails: {
      'broker/batch-result-order': 'the order of one claim of 40',
      'broker/delay-joins-priority': 'the order once all are due',
      'broker/double-publish-coalesces': 'the order after a higher and a lower republish',
      'broker/expiry-redelivers': 'the claim',
      'broker/fifo': 'the order of one fifo claim',
      'broker/lease-fields': 'ids and deliveries',
      'broker/lifo': 'the order of one lifo claim',
      'broker/limit-0': 'claim by another afterwards',
      'broker/nack-back-of-band': 'the order after two nacks',
      'broker/nack-keeps-priority': 'the order after nack of the higher',
      'broker/pause-accepts-publish': 'claim after resume',
      'broker/priority-default': 'the order around the default',
      'broker/priority-high-first': 'the order of one claim',
      'broker/priority-ties-fifo': 'the order of one claim of three priorities',
      'broker/publish-many': 'the order after publishMany',
      'fault/kill-before-ack': 'what the dying node claims',
      'job-store/claim-exact-slots': 'a claim of 3 of a type with 5 jobs',
      'job-store/claim-order': 'the ids of one claim, in order',
      'model/broker': 'claim of 2 by x',
    },
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
    fails: {
      'broker/delay-due': 'a second claim',
      'broker/double-publish-coalesces': 'what is claimed of an id that was delayed twice and then published',
      'broker/promote-once': 'what twelve claims at once gave',
      'broker/republish-earlier-wins': 'a delayed id, published again without delay',
      'broker/wake-hint-time': 'what is claimable then',
      'model/broker': 'size after claim',
      'race/no-loss': 'what is left to claim',
      'race/promote-storm': 'what sixteen claims at once gave',
    },
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
    fails: {
      'broker/limit-negative': 'claim with limit -1',
    },
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
    fails: {
      'broker/limit-0': 'claim with limit 0',
      'model/broker': 'claim of 0 by x',
    },
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
    fails: {
      'broker/extend-many': 'the id that claimLeases of one gives from mail',
      'broker/limit-exact': 'how many a claim of 3 gives',
      'broker/max-active-per-queue': 'how many a plain claim of another queue gives',
      'broker/nack-back-of-band': 'the first claim',
      'broker/nack-keeps-priority': 'the order after nack of the higher',
      'broker/republish-claimed-no-block': 'the first claim',
      'broker/size': 'size',
      'job-store/claim-exact-slots': 'a claim of 3 of a type with 5 jobs',
      'job-store/counters-survive-prune': 'the jobs that w could claim',
      'job-store/heartbeat-all': 'the jobs that w could claim',
      'job-store/next-due': 'jobs and nextDueInMs of a claim of 1 of 2',
      'job-store/pause-resume': 'the jobs that w could claim',
      'job-store/prune-age': 'the jobs that w could claim',
      'job-store/prune-age-holds': 'the jobs that w could claim',
      'job-store/prune-retention': 'the jobs that w could claim',
      'job-store/repeat-after-finish': 'the jobs that w could claim',
      'job-store/settle-and-claim': 'the jobs that w could claim',
      'job-store/settle-retry-delay-holds': 'the jobs that w could claim',
      'job-store/stats': 'the jobs that w could claim',
      'race/promote-storm': 'how many sixteen claims of ten gave, 300 being due',
    },
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
    fails: {
      'broker/max-active': 'what nine claims at once gave',
      'broker/promote-once': 'what twelve claims at once gave',
      'job-store/concurrency-cluster-wide': 'jobs claimed while two are running',
      'race/claim-disjoint': 'what twelve consumers were given',
      'race/no-loss': 'ids that came back after their ack, without having been published again',
      'race/pause-vs-claim': 'what was given before the pause and after resume',
      'race/pool-exhaustion': 'what was claimed meanwhile',
      'race/promote-storm': 'what sixteen claims at once gave',
    },
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
    fails: {
      'broker/max-active': 'how many are leased after nine claims at once with maxActive 3',
      'broker/max-active-per-queue': 'a claim with maxActive 3 when three are leased, by two methods',
      'job-store/concurrency-cluster-wide': 'jobs that four claims at once got, with maxActive 2',
    },
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
    fails: {
      'broker/max-active': 'how many a claim gives after both leases ended',
      'job-store/concurrency-place-comes-back': 'the jobs that w could claim',
    },
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
    fails: {
      'broker/expiry-redelivers': 'their deliveries',
      'broker/lease-fields': 'id and deliveries after a nack',
    },
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
    fails: {
      'broker/lease-fields': 'milliseconds between the due times of an immediate and a delayed id',
    },
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
    fails: {
      'broker/delay-due': 'claim before the due time',
      'broker/lease-fields': 'milliseconds between the due times of an immediate and a delayed id',
      'broker/republish-earlier-wins': 'claim before the earlier due time',
      'broker/size': 'size before both end',
      'broker/wake-hint-time': 'a wake for a delay that ended',
      'job-store/claim-order': 'the ids of one claim, in order',
      'time/ttl-floor': 'claim within a delay of',
    },
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
    fails: {
      'broker/delay-over-2^31': 'claim at once',
    },
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
    fails: {
      'broker/delay-joins-priority': 'the order once all are due',
      'job-store/claim-order': 'the ids of one claim, in order',
      'model/broker': 'claim of 1 by x',
    },
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
    fails: {
      'broker/republish-earlier-wins': 'a waiting id, published again with a delay',
      'model/broker': 'size after publish',
    },
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
    fails: {
      'broker/double-publish-coalesces': 'the order after a higher and a lower republish',
    },
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
    fails: {
      'broker/priority-default': 'publish with priority 21',
    },
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
    fails: {
      'broker/delay-negative': 'publish with a delay of -1',
    },
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
    fails: {
      'broker/name-isolated': 'what is claimed from the queue "Q"',
      'broker/pause-isolated': 'claim from "MAIL" while "mail" is paused',
    },
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
    fails: {
      'perf/claim-growth': 'the median claim with',
    },
  },
]

/** Orders like text: `10` before `9`. */
function asText(priority: number): number {
  return Math.sign(priority) * Math.round(Number(`0.${Math.abs(priority)}`) * 20)
}
