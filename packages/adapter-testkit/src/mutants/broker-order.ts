/** Mistakes in what a broker hands out, and in what order. */
import type { BrokerStrategy, Lease } from '@sched/core/adapter'
import type { Entry, Queue } from '../model/queue.ts'
import type { Claim } from '../model/queue-rules.ts'
import { broker } from './broker-parts.ts'
import type { Mutant } from './mutant.ts'

export const brokerOrderMutants: readonly Mutant[] = [
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
]

/** Orders like text: `10` before `9`. */
function asText(priority: number): number {
  return Math.sign(priority) * Math.round(Number(`0.${Math.abs(priority)}`) * 20)
}
