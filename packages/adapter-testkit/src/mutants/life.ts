/** Mistakes in the life of an adapter. */
import { ModelBroker } from '../model/broker.ts'
import { ModelLock } from '../model/lock.ts'
import { ModelStorage } from '../model/storage.ts'
import type { Mutant } from './mutant.ts'

export const lifeMutants: readonly Mutant[] = [
  {
    mistake: 'a closed storage goes on working',
    everywhere: true,
    parts: {
      storage: (node) =>
        new (class extends ModelStorage {
          override async close(): Promise<void> {}
        })(node),
    },
    fails: {
      'life/use-after-close': 'storage.save after close',
    },
  },
  {
    mistake: 'closing twice is an error',
    everywhere: true,
    parts: {
      lock: (node) =>
        new (class extends ModelLock {
          override async close(): Promise<void> {
            this.guard()
            await super.close()
          }
        })(node),
    },
    fails: {
      'life/close-idempotent': 'close of the lock, twice at once',
    },
  },
  {
    mistake: 'closing one node closes all',
    everywhere: true,
    parts: {
      broker: (node) =>
        new (class extends ModelBroker {
          override async close(): Promise<void> {
            await super.close()
            this.space.up = false
          }
        })(node),
    },
    fails: {
      'broker/block-close':
        'an unexpected UnavailableError UNAVAILABLE: the model broker is unreachable: start it agai',
      'broker/block-crash-no-loss':
        'an unexpected UnavailableError UNAVAILABLE: the model broker is unreachable: start it agai',
      'broker/delay-due':
        'an unexpected UnavailableError UNAVAILABLE: the model broker is unreachable: start it agai',
      'broker/expiry-no-scanner':
        'an unexpected UnavailableError UNAVAILABLE: the model broker is unreachable: start it agai',
      'broker/pause-durable':
        'an unexpected UnavailableError UNAVAILABLE: the model storage is unreachable: start it aga',
      'lock/token-survives-restart':
        'an unexpected UnavailableError UNAVAILABLE: the model storage is unreachable: start it aga',
    },
  },
  {
    mistake: 'ready can be called once only',
    everywhere: true,
    parts: {
      storage: (node) =>
        new (class extends ModelStorage {
          #ready = false
          override async ready(): Promise<void> {
            if (this.#ready) throw new Error('the table exists already')
            this.#ready = true
            await super.ready()
          }
        })(node),
    },
    fails: {
      'job-store/at-most-once-crash': 'an unexpected Error: the table exists already',
      'job-store/attempt-at-claim': 'an unexpected Error: the table exists already',
      'job-store/cancel-reason': 'an unexpected Error: the table exists already',
      'job-store/cancel-requested-ends-it': 'an unexpected Error: the table exists already',
      'job-store/change-cancel': 'an unexpected Error: the table exists already',
      'job-store/change-discard': 'an unexpected Error: the table exists already',
      'job-store/change-promote-reschedule': 'an unexpected Error: the table exists already',
      'job-store/change-retry': 'an unexpected Error: the table exists already',
      'job-store/claim-disjoint': 'an unexpected Error: the table exists already',
      'job-store/claim-exact-slots': 'an unexpected Error: the table exists already',
      'job-store/claim-order': 'an unexpected Error: the table exists already',
      'job-store/composed-equals-fused': 'an unexpected Error: the table exists already',
      'job-store/concurrency-cluster-wide': 'an unexpected Error: the table exists already',
      'job-store/concurrency-place-comes-back': 'an unexpected Error: the table exists already',
      'job-store/counters-survive-prune': 'an unexpected Error: the table exists already',
      'job-store/crashes-apart-from-failures': 'an unexpected Error: the table exists already',
      'job-store/dead-worker-refused': 'an unexpected Error: the table exists already',
      'job-store/expire-at-claim': 'an unexpected Error: the table exists already',
      'job-store/expire-pending': 'an unexpected Error: the table exists already',
      'job-store/expiry-spares-running': 'an unexpected Error: the table exists already',
      'job-store/fence-grows': 'an unexpected Error: the table exists already',
      'job-store/hand-over': 'an unexpected Error: the table exists already',
      'job-store/hands-out-copies': 'an unexpected Error: the table exists already',
      'job-store/heartbeat-all': 'an unexpected Error: the table exists already',
      'job-store/heartbeat-leave': 'an unexpected Error: the table exists already',
      'job-store/heartbeat-releases-unknown': 'an unexpected Error: the table exists already',
      'job-store/heartbeat-reports-cancel': 'an unexpected Error: the table exists already',
      'job-store/heartbeat-reports-lost': 'an unexpected Error: the table exists already',
      'job-store/insert-bad-one-isolated': 'an unexpected Error: the table exists already',
      'job-store/insert-defaults': 'an unexpected Error: the table exists already',
      'job-store/insert-delayed': 'an unexpected Error: the table exists already',
      'job-store/insert-idempotent': 'an unexpected Error: the table exists already',
      'job-store/insert-roundtrip': 'an unexpected Error: the table exists already',
      'job-store/leave-keeps-started-attempts': 'an unexpected Error: the table exists already',
      'job-store/list-filters': 'an unexpected Error: the table exists already',
      'job-store/next-due': 'an unexpected Error: the table exists already',
      'job-store/pause-resume': 'an unexpected Error: the table exists already',
      'job-store/prune-age': 'an unexpected Error: the table exists already',
      'job-store/prune-age-holds': 'an unexpected Error: the table exists already',
      'job-store/prune-retention': 'an unexpected Error: the table exists already',
      'job-store/recover-cancelled': 'an unexpected Error: the table exists already',
      'job-store/recover-crash-limit': 'an unexpected Error: the table exists already',
      'job-store/recover-expired': 'an unexpected Error: the table exists already',
      'job-store/recover-grace': 'an unexpected Error: the table exists already',
      'job-store/release-gives-attempt-back': 'an unexpected Error: the table exists already',
      'job-store/remember-ends': 'an unexpected Error: the table exists already',
      'job-store/repeat-after-finish': 'an unexpected Error: the table exists already',
      'job-store/settle-and-claim': 'an unexpected Error: the table exists already',
      'job-store/settle-cancel': 'an unexpected Error: the table exists already',
      'job-store/settle-complete': 'an unexpected Error: the table exists already',
      'job-store/settle-duplicate-ids-rejected': 'an unexpected Error: the table exists already',
      'job-store/settle-fail': 'an unexpected Error: the table exists already',
      'job-store/settle-frees-its-place': 'an unexpected Error: the table exists already',
      'job-store/settle-repeat-not-stale': 'an unexpected Error: the table exists already',
      'job-store/settle-retry': 'an unexpected Error: the table exists already',
      'job-store/settle-retry-delay-holds': 'an unexpected Error: the table exists already',
      'job-store/settle-stale-refused': 'an unexpected Error: the table exists already',
      'job-store/snooze': 'an unexpected Error: the table exists already',
      'job-store/stats': 'an unexpected Error: the table exists already',
      'job-store/subscribe-wakes': 'an unexpected Error: the table exists already',
      'job-store/sweep-bounded': 'an unexpected Error: the table exists already',
      'job-store/sweep-twice-at-once': 'an unexpected Error: the table exists already',
      'job-store/undecodable-kept': 'an unexpected Error: the table exists already',
      'job-store/unique-occurrence': 'an unexpected Error: the table exists already',
      'job-store/unknown-worker': 'an unexpected Error: the table exists already',
      'job-store/workers-listed': 'an unexpected Error: the table exists already',
      'life/ready-idempotent': 'three times ready of the storage at once',
      'life/reset-on-init-scope': 'an unexpected Error: the table exists already',
      'model/hybrid': 'an unexpected Error: the table exists already',
    },
  },
]
