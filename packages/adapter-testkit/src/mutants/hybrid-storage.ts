/** Mistakes of a storage as they show between it and a broker, under core's composed store. Only the hybrid cases are run over them. */
import {
  BACKEND,
  type Filter,
  type ListOptions,
  type PatchItem,
  type StoredRecord,
} from '@sched/core/adapter'
import type { Row } from '../model/rows.ts'
import { broker } from './broker-parts.ts'
import type { Mutant } from './mutant.ts'
import { storage } from './storage-parts.ts'

/** What no two adapters that were opened apart may have in common. */
const SHARED = { fuse: () => undefined }

export const hybridStorageMutants: readonly Mutant[] = [
  {
    mistake: 'a compare-and-set that does not compare',
    parts: storage(
      (Base) =>
        class extends Base {
          protected override swap(
            namespace: string,
            id: string,
            expectedRev: number | null,
            value: unknown,
          ): boolean {
            if (expectedRev !== null) this.put(namespace, id, value)
            return expectedRev !== null || super.swap(namespace, id, expectedRev, value)
          }
        },
    ),
    fails: {
      'hybrid/handler-dies': 'alive and lost, as the dead worker is told',
      'hybrid/two-reconcilers': 'the workers that were declared dead',
    },
  },
  {
    mistake: 'a patch that does not look at what must hold',
    parts: storage(
      (Base) =>
        class extends Base {
          protected override mayPatch(row: Row, item: PatchItem): boolean {
            return super.mayPatch(row, { ...item, where: {} })
          }
        },
    ),
    fails: {
      'hybrid/broker-flushed': 'the jobs that w could claim',
      'hybrid/finish-before-ack': 'what v claims after lost was finished and not acknowledged',
      'hybrid/finish-refused': 'the record of b retried after a cancel was asked for',
      'hybrid/redelivered-while-running': 'what v claims of a job that a living worker runs',
      'hybrid/retry-before-nack': 'what v claims before the retry is due',
      'hybrid/taken-back-later': 'attempt and crashes, taken back by a sweep',
      'hybrid/zombie-finish': 'the answer to the late finish, its job taken back',
    },
  },
  {
    mistake: 'an insert-if-absent that overwrites',
    parts: storage(
      (Base) =>
        class extends Base {
          protected override swap(
            namespace: string,
            id: string,
            expectedRev: number | null,
            value: unknown,
          ): boolean {
            if (expectedRev === null) this.put(namespace, id, value)
            return expectedRev === null || super.swap(namespace, id, expectedRev, value)
          }
        },
    ),
    fails: {
      'hybrid/save-ambiguous': 'the same id again',
    },
  },
  {
    mistake: 'a page that begins anew when it was asked to go on',
    parts: storage(
      (Base) =>
        class extends Base {
          override page<T>(
            namespace: string,
            filter: Filter | undefined,
            { limit }: { readonly limit: number; readonly after?: string },
          ): Promise<StoredRecord<T>[]> {
            return super.page(namespace, filter, { limit })
          }
        },
    ),
    fails: {
      'hybrid/audit-passes-paused': 'whether the broker has it again',
      'hybrid/batch-before-publish': 'how many ids the broker has after the sweep',
      'hybrid/lost-id-audited': 'which ids the broker has',
      'hybrid/wiped-rebuild': 'rounds of at most 10 that the sweep takes for 25 jobs',
    },
  },
  {
    mistake: 'ranges in a filter match nothing',
    parts: storage(
      (Base) =>
        class extends Base {
          protected override matching(namespace: string, filter: Filter): Row[] {
            const isRange = (condition: unknown): boolean =>
              typeof condition === 'object' &&
              condition !== null &&
              ('$lt' in condition || '$lte' in condition)
            return Object.values(filter).some(isRange) ? [] : super.matching(namespace, filter)
          }
        },
    ),
    fails: {
      'hybrid/audit-passes-paused': 'whether the broker has it again',
      'hybrid/batch-before-publish': 'how many ids the broker has after the sweep',
      'hybrid/finish-after-declaration': 'mortal-0 is declared dead',
      'hybrid/handler-dies': 'whom the sweep declares dead',
      'hybrid/lost-id-audited': 'which ids the broker has',
      'hybrid/publish-before-sent': 'the sweep publishes what is not marked',
      'hybrid/reconcile-past-one-page': 'recovered and crashed, in rounds of at most 7',
      'hybrid/save-ambiguous': 'the jobs that w could claim',
      'hybrid/save-before-publish': 'the jobs that v could claim',
      'hybrid/side-effect-before-finish': 'the jobs that v could claim',
      'hybrid/storage-outage-past-lease': 'dead and recovered, when it did not renew again',
      'hybrid/taken-back-later': 'mortal-0 is declared dead',
      'hybrid/two-reconcilers': 'recovered, crashed and expired, over all three',
      'hybrid/zombie-finish': 'the answer to the late finish, its job taken back',
    },
  },
  {
    mistake: 'a list that stops at ten',
    parts: storage(
      (Base) =>
        class extends Base {
          protected override slice(rows: readonly Row[], options: ListOptions): Row[] {
            return super.slice(rows, options).slice(0, 10)
          }
          override async page<T>(
            namespace: string,
            filter: Filter | undefined,
            options: { readonly limit: number; readonly after?: string },
          ): Promise<StoredRecord<T>[]> {
            return (await super.page<T>(namespace, filter, options)).slice(0, 6)
          }
        },
    ),
    fails: {
      'hybrid/audit-passes-paused': 'whether the broker has it again',
      'hybrid/batch-before-publish': 'how many ids the broker has after the sweep',
      'hybrid/lost-id-audited': 'which ids the broker has',
      'hybrid/reconcile-past-one-page': 'recovered and crashed, in rounds of at most 7',
      'hybrid/wiped-rebuild': 'rounds of at most 10 that the sweep takes for 25 jobs',
    },
  },
  {
    mistake: 'a clock in seconds',
    parts: storage(
      (Base) =>
        class extends Base {
          override async now(): Promise<number> {
            return (await super.now()) / 1000
          }
        },
    ),
    fails: {
      'hybrid/audit-passes-paused': 'whether the broker has it again',
      'hybrid/batch-before-publish': 'how many ids the broker has after the sweep',
      'hybrid/finish-after-declaration': 'mortal-0 is declared dead',
      'hybrid/handler-dies': 'whom the sweep declares dead',
      'hybrid/lost-id-audited': 'which ids the broker has',
      'hybrid/publish-before-sent': 'the sweep publishes what is not marked',
      'hybrid/reconcile-past-one-page': 'recovered and crashed, in rounds of at most 7',
      'hybrid/save-ambiguous': 'the jobs that w could claim',
      'hybrid/save-before-publish': 'the jobs that v could claim',
      'hybrid/side-effect-before-finish': 'the jobs that v could claim',
      'hybrid/storage-outage-past-lease': 'dead and recovered, when it did not renew again',
      'hybrid/taken-back-later': 'mortal-0 is declared dead',
      'hybrid/two-reconcilers': 'recovered, crashed and expired, over all three',
      'hybrid/zombie-finish': 'the answer to the late finish, its job taken back',
    },
  },
  {
    mistake: 'storage and broker opened apart carry one backend',
    parts: {
      ...storage(
        (Base) =>
          class extends Base {
            readonly [BACKEND] = SHARED
          },
      ),
      ...broker(
        (Base) =>
          class extends Base {
            readonly [BACKEND] = SHARED
          },
      ),
    },
    fails: {
      'hybrid/colocation-false-positive': 'storage and broker have no backend in common',
    },
  },
]
