/** Mistakes of a broker as they show between it and a storage, under core's composed store. Only the hybrid cases are run over them. */
import type { Lease } from '@sched/core/adapter'
import type { Entry, Queue } from '../model/queue.ts'
import type { Claim } from '../model/queue-rules.ts'
import { broker } from './broker-parts.ts'
import type { Mutant } from './mutant.ts'

export const hybridBrokerMutants: readonly Mutant[] = [
  {
    mistake: 'an incarnation that outlives the data',
    parts: broker(
      (Base) =>
        class extends Base {
          override async incarnation(): Promise<string> {
            await super.incarnation()
            return 'always the same'
          }
        },
    ),
    fails: {
      'hybrid/wiped-pause-restored': 'the jobs that w could claim',
      'hybrid/wiped-rebuild': 'rounds of at most 10 that the sweep takes for 25 jobs',
    },
  },
  {
    mistake: 'an incarnation that is another at every look',
    parts: broker(
      (Base) =>
        class extends Base {
          override async incarnation(): Promise<string> {
            return `${await super.incarnation()} ${this.space.next()}`
          }
        },
    ),
    fails: {
      'hybrid/batch-before-publish': 'publishes so far, after one more sweep',
      'hybrid/finish-after-declaration': 'a sweep that is cut off',
      'hybrid/reconcile-skips-active': 'publishes so far',
      'hybrid/taken-back-later': 'mortal-0 is declared dead',
      'hybrid/wiped-rebuild': 'rounds of at most 10 that the sweep takes for 25 jobs',
    },
  },
  {
    mistake: '`has` says yes to everything',
    parts: broker(
      (Base) =>
        class extends Base {
          override async has(name: string, ids: readonly string[]): Promise<boolean[]> {
            return (await super.has(name, ids)).map(() => true)
          }
        },
    ),
    fails: {
      'hybrid/before-save': 'whether the broker has a after the save was lost',
      'hybrid/finish-ambiguous': 'whether the broker has after after its finish was read again',
      'hybrid/finish-before-ack': 'whether the broker has lost after its next delivery',
      'hybrid/lost-id-audited': 'the jobs that w could claim',
      'hybrid/missing-record': 'whether the broker has ghost after the record was missing twice',
    },
  },
  {
    mistake: 'the id goes with the claim: nothing is left of it when the worker dies',
    parts: broker(
      (Base) =>
        class extends Base {
          protected override lease(name: string, entry: Entry, claim: Claim): Lease {
            const lease = super.lease(name, entry, claim)
            this.queue(name).remove(entry)
            return lease
          }
        },
    ),
    fails: {
      'hybrid/claim-before-write': 'the jobs that v could claim',
      'hybrid/missing-record': 'whether the broker has ghost after the record was missing once',
      'hybrid/retry-before-nack': 'whether the broker has a before the retry is due',
      'hybrid/storage-down': 'the jobs that w could claim',
      'hybrid/taken-back-later': 'the jobs that v-claim could claim',
      'hybrid/zombie-finish': 'whether the broker has a while another runs it',
    },
  },
  {
    mistake: 'an expired lease is given to nobody',
    parts: broker(
      (Base) =>
        class extends Base {
          protected override claimableIn(entry: Entry): number {
            return entry.lease ? Number.MAX_SAFE_INTEGER : super.claimableIn(entry)
          }
        },
    ),
    fails: {
      'hybrid/claim-before-write': 'the jobs that v could claim',
      'hybrid/finish-before-ack': 'whether the broker has lost after its next delivery',
      'hybrid/handler-dies': 'the jobs that v could claim',
      'hybrid/reconcile-past-one-page': 'the jobs that v could claim',
      'hybrid/retry-before-nack': 'the jobs that v could claim',
      'hybrid/side-effect-before-finish': 'the jobs that v could claim',
      'hybrid/taken-back-later': 'the jobs that v-sweep could claim',
      'hybrid/two-reconcilers': 'the jobs that v could claim',
      'hybrid/zombie-finish': 'the jobs that v could claim',
    },
  },
  {
    mistake: 'giving back forgets the delay',
    parts: broker(
      (Base) =>
        class extends Base {
          protected override putBack(queue: Queue, entry: Entry, _delayMs: number): void {
            super.putBack(queue, entry, 0)
          }
        },
    ),
    fails: {
      'hybrid/storage-down': 'what w claims before the delay is over',
    },
  },
  {
    mistake: 'giving back with a delay loses the id',
    parts: broker(
      (Base) =>
        class extends Base {
          protected override putBack(queue: Queue, entry: Entry, delayMs: number): void {
            if (delayMs > 0) queue.remove(entry)
            else super.putBack(queue, entry, delayMs)
          }
        },
    ),
    fails: {
      'hybrid/missing-record': 'whether the broker has ghost after the record was missing once',
      'hybrid/retry-before-nack': 'whether the broker has a before the retry is due',
      'hybrid/storage-down': 'the jobs that w could claim',
    },
  },
  {
    mistake: 'giving back what is unknown succeeds',
    parts: broker(
      (Base) =>
        class extends Base {
          protected override giveBack(
            queue: Queue,
            id: string,
            delayMs: number,
            receipt: string | undefined,
          ): boolean {
            return !queue.entries.has(id) || super.giveBack(queue, id, delayMs, receipt)
          }
        },
    ),
    fails: {
      'hybrid/give-back-lost-entry': 'the jobs that w could claim',
    },
  },
  {
    mistake: 'an acknowledgement does nothing',
    parts: broker(
      (Base) =>
        class extends Base {
          protected override finish(queue: Queue, id: string, receipt: string | undefined): boolean {
            const entry = queue.entries.get(id)
            return receipt === undefined || (entry !== undefined && this.holds(entry, receipt))
          }
        },
    ),
    fails: {
      'hybrid/finish-ambiguous': 'whether the broker has after after its finish was read again',
      'hybrid/finish-before-ack': 'whether the broker has lost after its next delivery',
      'hybrid/missing-record': 'whether the broker has ghost after the record was missing twice',
    },
  },
  {
    mistake: 'an id that was once there cannot be published again',
    parts: broker((Base) => {
      const known = new WeakMap<object, Set<string>>()
      return class extends Base {
        protected override put(queue: Queue, id: string, delayMs: number, priority: number): void {
          const ids = known.get(this.space) ?? new Set()
          known.set(this.space, ids)
          if (!ids.has(id)) super.put(queue, id, delayMs, priority)
          ids.add(id)
        }
      }
    }),
    fails: {
      'hybrid/audit-passes-paused': 'whether the broker has it again',
      'hybrid/broker-flushed': 'the jobs that w could claim',
      'hybrid/give-back-lost-entry': 'the jobs that w could claim',
      'hybrid/lost-id-audited': 'which ids the broker has',
      'hybrid/retry-before-nack': 'the jobs that v could claim',
      'hybrid/wiped-pause-restored': 'the jobs that w could claim',
      'hybrid/wiped-rebuild': 'the jobs that w could claim',
    },
  },
  {
    mistake: 'a pause before the first publish is forgotten',
    parts: broker(
      (Base) =>
        class extends Base {
          protected override setPaused(name: string, paused: boolean): void {
            if (!paused || this.queue(name).entries.size > 0) super.setPaused(name, paused)
          }
        },
    ),
    fails: {
      'hybrid/wiped-pause-restored': 'isPaused, before anything was published',
    },
  },
  {
    mistake: 'isPaused answers from the memory of the process',
    parts: broker(
      (Base) =>
        class extends Base {
          readonly #paused = new Map<string, boolean>()
          protected override setPaused(name: string, paused: boolean): void {
            this.#paused.set(name, paused)
            super.setPaused(name, paused)
          }
          override async isPaused(name: string): Promise<boolean> {
            await super.isPaused(name)
            return this.#paused.get(name) ?? false
          }
        },
    ),
    fails: {
      'hybrid/pause-missed': 'isPaused after a sweep',
    },
  },
  {
    mistake: 'one answer of a batch too few',
    parts: broker(
      (Base) =>
        class extends Base {
          override async claimLeases(
            ...args: Parameters<InstanceType<typeof Base>['claimLeases']>
          ): Promise<Lease[]> {
            const leases = await super.claimLeases(...args)
            return leases.length > 1 ? leases.slice(1) : leases
          }
        },
    ),
    fails: {
      'hybrid/finish-refused': 'the jobs that w could claim',
      'hybrid/lost-id-audited': 'the jobs that w could claim',
      'hybrid/missing-record': 'whether the broker has ghost after the record was missing twice',
      'hybrid/publish-retried': 'the jobs that w could claim',
      'hybrid/reconcile-past-one-page': 'what mortal-0 claims',
      'hybrid/reconcile-skips-active': 'the jobs that w could claim',
      'hybrid/save-before-publish': 'the jobs that v could claim',
      'hybrid/storage-down': 'the jobs that w could claim',
      'hybrid/trips': 'how many are claimed',
      'hybrid/two-reconcilers': 'what mortal-0 claims',
      'hybrid/wiped-rebuild': 'the jobs that w could claim',
    },
  },
]
