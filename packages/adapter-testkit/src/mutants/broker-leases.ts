/** Mistakes in what happens to an id under its lease. */
import type { Lease, ReceiptItem } from '@sched/core/adapter'
import type { Entry, Queue } from '../model/queue.ts'
import type { Claim } from '../model/queue-rules.ts'
import { broker } from './broker-parts.ts'
import type { Mutant } from './mutant.ts'

export const brokerLeaseMutants: readonly Mutant[] = [
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
    fails: {
      'broker/ack-double': 'a second ack with the receipt',
      'broker/ack-late-harmless': 'ack after the lease ended, nobody having claimed',
      'broker/ack-many': 'what ackMany resolves to',
      'broker/same-consumer-aba': 'ack with the first receipt',
      'model/broker': 'ack of a with a receipt used before',
      'race/ack-vs-expiry': 'what another was given, the ack at the end of the lease having resolved true',
    },
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
    fails: {
      'broker/ack-many': 'what nackMany resolves to',
      'broker/nack-late-harmless': 'nack after the lease ended, nobody having claimed',
      'broker/same-consumer-aba': 'nack with the first receipt',
    },
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
    fails: {
      'broker/ack-late-harmless': 'ack after the lease ended, nobody having claimed',
      'broker/nack-late-harmless': 'nack after the lease ended, nobody having claimed',
    },
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
    fails: {
      'broker/ack-double': 'a second ack',
      'broker/ack-many': 'an unexpected Error: unknown id nobody',
      'broker/ack-unknown': 'ack of an unknown id',
      'broker/name-isolated-batches': 'an unexpected Error: unknown id b',
      'model/broker': 'an unexpected Error: unknown id a',
    },
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
    fails: {
      'broker/ack': 'what is claimable after the lease: not the acknowledged',
      'broker/ack-double': 'ack with the receipt',
      'broker/ack-late-harmless': 'the id that claimLeases of one gives from mail',
      'broker/ack-many': 'what ackMany resolves to',
      'broker/block-crash-no-loss': 'what is claimable once every lease ended (nothing was acknowledged)',
      'broker/block-due': 'claimBlocking after another’s lease ended',
      'broker/delay-negative': 'extendLock after the rejected nacks',
      'broker/expiry-no-scanner': 'the very first claim of another node, the holder’s being closed',
      'broker/expiry-redelivers': 'claimLeases after the leases ended',
      'broker/extend': 'extendLock with the queue, on another node',
      'broker/extend-foreign': 'claim after the holder’s own lease',
      'broker/extend-late': 'claim by another afterwards',
      'broker/extend-many': 'what extendMany resolves to',
      'broker/hand-over': 'ack of first-0 by its receipt',
      'broker/has': 'has of none, ended, delayed, done, leased, other, waiting, ended',
      'broker/lease-fields': 'id and deliveries after a nack',
      'broker/max-active': 'how many are leased after nine claims at once with maxActive 3',
      'broker/max-active-per-queue': 'a claim with maxActive 3 when three are leased, by two methods',
      'broker/nack-back-of-band': 'the order after two nacks',
      'broker/nack-delay': 'claim after the delay',
      'broker/nack-keeps-priority': 'the order after nack of the higher',
      'broker/nack-late-harmless': 'the id that claimLeases of one gives from mail',
      'broker/nack-now': 'claim by another after nack',
      'broker/name-isolated': 'what nack gave back to "q"',
      'broker/next-due': 'nextDueIn when that one is leased',
      'broker/pause-active-finishes': 'extendLock while paused',
      'broker/pause-delay-runs': 'claim after resume',
      'broker/publish-many': 'the order after publishMany',
      'broker/remove': 'remove of the leased id',
      'broker/republish-claimed-no-block': 'claim of one, after the republish of "a"',
      'broker/republish-claimed-no-steal': 'claim by another after the republish',
      'broker/same-consumer-aba': 'the id that claimLeases of one gives from mail',
      'broker/size': 'size',
      'broker/strategy-switch-strands-none': 'what the claims gave',
      'broker/wake-hint-time': 'a wake for a freed slot',
      'fault/kill-after-claim': 'what another claims after the leases ended',
      'fault/kill-before-ack': 'what another claims after the lease ended',
      'job-store/concurrency-cluster-wide': 'jobs that four claims at once got, with maxActive 2',
      'model/broker': 'size after claim',
      'race/ack-vs-expiry': 'what another was given, the ack at the end of the lease having resolved false',
      'race/extend-vs-expiry': 'what another was given, extendLock having rejected',
      'race/no-loss': 'what was acknowledged or is left to claim',
      'time/long-transaction': 'extendLock right after a claim that had waited for longer than its lease',
      'time/node-one-hour-ahead': 'claim by the other after the lease that the node whose clock is off had',
      'time/node-one-hour-behind': 'claim by the other after the lease that the node whose clock is off had',
      'time/ttl-floor': 'claim by another after a lease of',
    },
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
    fails: {
      'broker/extend-late': 'extendLock after the end, nobody else having claimed',
    },
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
    fails: {
      'broker/extend-foreign': 'extendLock by another consumer',
      'broker/extend-late': 'extendLock when another has claimed',
      'broker/extend-many': 'what extendMany resolves to',
      'broker/nack-now': 'extendLock by the former holder',
      'broker/same-consumer-aba': 'extendLock with the first receipt',
      'race/extend-vs-expiry': 'what another was given, extendLock having resolved',
      'time/node-one-hour-ahead': 'extendLock by the node whose clock is off after its lease',
      'time/node-one-hour-behind': 'extendLock by the node whose clock is off after its lease',
    },
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
    fails: {
      'broker/extend': 'what is claimable after the lease that was made shorter',
    },
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
    fails: {
      'broker/extend': 'what is claimable after the lease that was made shorter',
    },
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
    fails: {
      'broker/nack-keeps-priority': 'the order after nack of the higher',
      'job-store/concurrency-place-comes-back': 'the jobs that w could claim',
    },
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
    fails: {
      'broker/nack-back-of-band': 'the claim after nack of "a"',
    },
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
    fails: {
      'broker/nack-keeps-priority': 'the order after nack of the higher',
      'job-store/concurrency-place-comes-back': 'the jobs that w could claim',
    },
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
    fails: {
      'broker/ack-many': 'what is claimable afterwards: one is delayed, one still leased',
      'broker/nack-delay': 'claim before the delay ended',
      'fault/kill-before-ack': 'what another claims after the lease ended',
      'job-store/concurrency-place-comes-back': 'the jobs that w could claim',
      'model/broker': 'size after nack',
    },
  },
]
