/** Mistakes in how much a broker hands out, and what it says of it. */
import type { BrokerStrategy, ClaimOptions, Lease } from '@sched/core/adapter'
import type { Entry, Queue } from '../model/queue.ts'
import type { Claim } from '../model/queue-rules.ts'
import { broker } from './broker-parts.ts'
import type { Mutant } from './mutant.ts'

/** Whom the next id goes to, of each server. */
const open = new WeakMap<object, (lease: Lease) => void>()

export const brokerClaimMutants: readonly Mutant[] = [
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
    mistake: 'an id that is handed to an open claim can be claimed as well',
    parts: broker(
      (Base) =>
        class extends Base {
          override async claimLeases(
            name: string,
            consumerId: string,
            limit: number,
            leaseMs: number,
            options: ClaimOptions = {},
          ): Promise<Lease[]> {
            const leases = await super.claimLeases(name, consumerId, limit, leaseMs, options)
            if (options.handOver) open.set(this.space, options.handOver)
            return leases
          }

          protected override put(queue: Queue, id: string, delayMs: number, priority: number): void {
            super.put(queue, id, delayMs, priority)
            open.get(this.space)?.({ id, receipt: 'none', deliveries: 1, dueAt: this.serverNow() })
            open.delete(this.space)
          }
        },
    ),
    fails: {
      'broker/hand-over': 'what was handed over and what the next claim gave',
    },
  },
]
