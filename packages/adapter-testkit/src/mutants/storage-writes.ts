/** Mistakes in how a storage counts, prunes, compares and sets. */
import type { Filter, PatchItem, PatchOptions } from '@sched/core/adapter'
import { MISSING } from '../model/filter.ts'
import type { Row } from '../model/rows.ts'
import type { Fields } from '../model/storage.ts'
import type { Mutant } from './mutant.ts'
import { numberOf, storage } from './storage-parts.ts'

export const storageWriteMutants: readonly Mutant[] = [
  {
    mistake: 'count counts the whole namespace',
    parts: storage(
      (Base) =>
        class extends Base {
          override async count(namespace: string, filter: Filter = {}): Promise<number> {
            this.checkQuery(namespace, filter)
            return await this.step(() => this.rowsOf(namespace).length)
          }
        },
    ),
    fails: {
      'job-store/composed-equals-fused': 'the counts after insert',
      'job-store/counters-survive-prune': 'the records left',
      'job-store/leave-keeps-started-attempts':
        'pending, running, completed, failed and cancelled in the counts',
      'job-store/stats': 'the counts of mail',
      'job-store/workers-listed': 'id, dead and running of the workers',
      'model/hybrid': 'the counts after insert',
      'model/storage': 'count',
      'storage/cas-ok': 'count by the new rev',
      'storage/case-sensitive': 'count by text in another case',
      'storage/count-equals-list': 'count by {"v":0} against list',
      'storage/count-filter': 'count by a value',
      'storage/filter-date-by-value': 'count by an instant',
      'storage/filter-eq': 'count by text',
      'storage/filter-eq-not-containment': 'count by a list',
      'storage/filter-in': 'count by $in of text and number',
      'storage/filter-ne': 'count by $ne of a number',
      'storage/filter-null-vs-missing': 'count by null',
      'storage/filter-range': 'count by $gt 9',
      'storage/index-is-a-hint': 'count by null of an indexed field',
      'storage/int53-exact': 'count by a number two above',
      'storage/own-field-names': 'count by the field id with the id of a record',
      'storage/save-replaces': 'count by a field that the second save left out',
      'storage/undefined-dropped': 'count by null of the dropped field',
    },
  },
  {
    mistake: 'prune ≤ instead of <',
    parts: storage(
      (Base) =>
        class extends Base {
          protected override isBefore(instantMs: number, beforeMs: number): boolean {
            return instantMs <= beforeMs
          }
        },
    ),
    fails: {
      'model/patches': 'prune before 1000',
      'model/storage': 'prune before 3000',
      'storage/prune-created-at': 'the ids that stay after prune: by createdAt',
      'storage/prune-strict': 'the ids that stay after prune: by finishedAt',
    },
  },
  {
    mistake: 'prune takes unfinished records by createdAt',
    parts: storage(
      (Base) =>
        class extends Base {
          protected override isOld(row: Row, beforeMs: number): boolean {
            const finishedAt = this.rules.field(row, 'finishedAt')
            const instant =
              finishedAt === MISSING || finishedAt === null ? this.rules.field(row, 'createdAt') : finishedAt
            return this.isBefore(numberOf(instant), beforeMs)
          }
        },
    ),
    fails: {
      'job-store/attempt-at-claim': 'the jobs that w2 could claim',
      'job-store/change-retry': 'the jobs that w could claim',
      'job-store/composed-equals-fused': 'the records after crash',
      'job-store/concurrency-place-comes-back': 'the jobs that w could claim',
      'job-store/counters-survive-prune': 'the records left',
      'job-store/crashes-apart-from-failures': 'the jobs that w2 could claim',
      'job-store/dead-worker-refused': 'state, failures and crashes of its jobs',
      'job-store/expire-pending': 'the states of those that have not expired',
      'job-store/expiry-spares-running': 'the record of a is there',
      'job-store/fence-grows': 'the jobs that w could claim',
      'job-store/heartbeat-all': 'the answer to heartbeat 2',
      'job-store/prune-age': 'the jobs left',
      'job-store/prune-age-holds': 'the jobs that w could claim',
      'job-store/recover-crash-limit': 'the record of a is there',
      'job-store/recover-expired': 'state, crashes, failures, worker and attempt of a and b',
      'job-store/recover-grace': 'alive and lost in a heartbeat after the lease ended',
      'job-store/sweep-bounded': 'jobs touched by a sweep with limit 3',
      'job-store/sweep-twice-at-once': 'state and crashes of each job after three sweeps at once',
      'model/hybrid': 'the records after crash',
      'model/storage': 'prune before 3000',
      'storage/prune-bounded': 'what prune of 1,210 old records resolves to',
      'storage/prune-terminal-only': 'the ids that stay after prune: unfinished ones among finished',
    },
  },
  {
    mistake: 'prune knows finishedAt only',
    parts: storage(
      (Base) =>
        class extends Base {
          protected override isOld(row: Row, beforeMs: number): boolean {
            return this.isBefore(numberOf(this.rules.field(row, 'finishedAt')), beforeMs)
          }
        },
    ),
    fails: {
      'model/storage': 'prune before 2001',
      'storage/case-sensitive': 'prune of the namespace "ns"',
      'storage/glob-meta': 'prune of the namespace "jobs*"',
      'storage/patch-prune': 'what prune resolves to',
      'storage/prefix-sibling': 'prune of the namespace "jobs"',
      'storage/prune-created-at': 'the ids that stay after prune: by createdAt',
      'storage/prune-missing-field-kept': 'the ids that stay after prune: what has no age',
      'storage/reserved-sentinel': 'prune of the namespace "__meta__"',
      'storage/sql-wildcard': 'prune of the namespace "j_bs"',
      'storage/unicode-id': 'prune of the namespace "a"',
    },
  },
  {
    mistake: 'prune knows dates only, not epoch milliseconds',
    parts: storage(
      (Base) =>
        class extends Base {
          protected override isOld(row: Row, beforeMs: number): boolean {
            const finishedAt = this.rules.field(row, 'finishedAt')
            const instant = finishedAt === MISSING ? this.rules.field(row, 'createdAt') : finishedAt
            return instant instanceof Date && this.isBefore(instant.getTime(), beforeMs)
          }
        },
    ),
    fails: {
      'job-store/remember-ends': 'inserting the id again after its time',
      'model/patches': 'prune before 2000',
      'model/storage': 'prune before 3000',
      'race/prune-vs-save': 'how many prune says it deleted of 40 old records, 20 being saved anew meanwhile',
      'storage/cas-deleted': 'compareAndSet expecting no record, after prune',
      'storage/case-sensitive': 'prune of the namespace "ns"',
      'storage/count-after-prune': 'count after prune and delete',
      'storage/glob-meta': 'prune of the namespace "jobs*"',
      'storage/patch-prune': 'what prune resolves to',
      'storage/prefix-sibling': 'prune of the namespace "jobs"',
      'storage/prune-bounded': 'what prune of 1,210 old records resolves to',
      'storage/prune-count': 'what the first prune resolves to',
      'storage/prune-created-at': 'the ids that stay after prune: by createdAt',
      'storage/prune-missing-field-kept': 'the ids that stay after prune: what has no age',
      'storage/prune-strict': 'the ids that stay after prune: by finishedAt',
      'storage/reserved-sentinel': 'prune of the namespace "__meta__"',
      'storage/sql-wildcard': 'prune of the namespace "j_bs"',
      'storage/unicode-id': 'prune of the namespace "a"',
    },
  },
  {
    mistake: 'prune counts what it looked at',
    parts: storage(
      (Base) =>
        class extends Base {
          override async prune(namespace: string, beforeMs: number): Promise<number> {
            const looked = await this.count(namespace)
            await super.prune(namespace, beforeMs)
            return looked
          }
        },
    ),
    fails: {
      'job-store/sweep-bounded': 'jobs touched by a sweep with limit 3',
      'model/patches': 'prune before 1000',
      'model/storage': 'prune before 1000',
      'storage/patch-prune': 'what prune resolves to',
      'storage/prune-bounded': 'what prune of 1,210 old records resolves to',
      'storage/prune-count': 'what the first prune resolves to',
      'storage/prune-created-at': 'the number prune resolves to: by createdAt',
      'storage/prune-missing-field-kept': 'the number prune resolves to: what has no age',
      'storage/prune-strict': 'the number prune resolves to: by finishedAt',
      'storage/prune-terminal-only': 'the number prune resolves to: unfinished ones among finished',
    },
  },
  {
    mistake: 'get-then-set',
    parts: storage(
      (Base) =>
        class extends Base {
          override async compareAndSet<T>(
            namespace: string,
            id: string,
            expectedRev: number | null,
            value: T,
          ): Promise<boolean> {
            const copy = this.checked(namespace, id, value)
            const stored = await this.get<Record<string, unknown>>(namespace, id)
            const rev = stored === null ? null : ((stored.rev as number | undefined) ?? 0)
            if (rev !== expectedRev) return false
            await this.step(() => this.put(namespace, id, copy))
            return true
          }
        },
    ),
    fails: {
      'job-store/sweep-twice-at-once': 'recovered and expired, over all sweeps',
      'job-store/unique-occurrence': 'how many of four inserts said `inserted`',
      'lin/cas': 'one order of the overlapping calls that explains every answer',
      'schedule-store/compare-and-set': 'how many of four compareAndSet with the same rev stored',
      'schedule-store/last-execution-grows': 'lastExecution after 30 instants from three nodes at once',
      'storage/cas-n-writers': 'how many of nine writers that expect rev 0 succeed',
      'storage/insert-if-absent': 'how many of ten inserts at once resolve true',
    },
  },
  {
    mistake: 'compare-and-set on a missing record creates it when 0 is expected',
    parts: storage(
      (Base) =>
        class extends Base {
          protected override swap(
            namespace: string,
            id: string,
            expectedRev: number | null,
            value: unknown,
          ): boolean {
            const exists = this.space.rows.has(this.key(namespace, id))
            return super.swap(namespace, id, !exists && expectedRev === 0 ? null : expectedRev, value)
          }
        },
    ),
    fails: {
      'storage/cas-many': 'the answers in order',
      'storage/cas-missing': 'compareAndSet expecting 0 where there is none',
    },
  },
  {
    mistake: 'insert-if-absent overwrites',
    parts: storage(
      (Base) =>
        class extends Base {
          protected override swap(
            namespace: string,
            id: string,
            expectedRev: number | null,
            value: unknown,
          ): boolean {
            if (expectedRev !== null) return super.swap(namespace, id, expectedRev, value)
            this.put(namespace, id, value)
            return true
          }
        },
    ),
    fails: {
      'job-store/composed-equals-fused': 'insert of a',
      'job-store/insert-idempotent': 'insert of a in a later call',
      'job-store/repeat-after-finish': 'inserting kept, pruned, failed, discarded, default again',
      'job-store/undecodable-kept': 'inserting its id again',
      'job-store/unique-occurrence': 'how many of four inserts said `inserted`',
      'lin/cas': 'one order of the overlapping calls that explains every answer',
      'model/hybrid': 'insert of a',
      'model/storage': 'compareAndSet expecting null',
      'schedule-store/compare-and-set': 'compareAndSet with null where there is one',
      'storage/insert-if-absent': 'the second insert',
    },
  },
  {
    mistake: 'a record without a rev is never equal to any',
    parts: storage(
      (Base) =>
        class extends Base {
          protected override revOf(row: Row): number {
            const rev = this.rules.field(row, 'rev')
            return typeof rev === 'number' ? rev : -1
          }
        },
    ),
    fails: {
      'job-store/undecodable-kept': 'the failed jobs listed',
      'storage/cas-ok': 'compareAndSet with 0 on a record without rev',
    },
  },
  {
    mistake: 'compareAndSetMany is all or nothing',
    parts: storage(
      (Base) =>
        class extends Base {
          override async compareAndSetMany<T>(
            namespace: string,
            items: readonly { id: string; expectedRev: number | null; value: T }[],
          ): Promise<boolean[]> {
            return await this.step(() => {
              const fits = items.every(({ id, expectedRev }) => {
                const row = this.space.rows.get(this.key(namespace, id))
                return (row === undefined ? null : this.revOf(row)) === expectedRev
              })
              if (fits) for (const item of items) this.put(namespace, item.id, this.in(item.value))
              return items.map(() => fits)
            })
          }
        },
    ),
    fails: {
      'storage/cas-many': 'the answers in order',
    },
  },
  {
    mistake: 'a patch does not look at what must hold',
    parts: storage(
      (Base) =>
        class extends Base {
          protected override mayPatch(row: Row, item: PatchItem): boolean {
            return super.mayPatch(row, { ...item, where: {} })
          }
        },
    ),
    fails: {
      'job-store/at-most-once-crash': 'what w2 claims after an at-most-once job lost its worker',
      'job-store/cancel-reason': 'state and reason after cancel without a reason, release and retry',
      'job-store/cancel-requested-ends-it': 'the states after retry, release, snooze and complete',
      'job-store/change-promote-reschedule': 'the jobs that w could claim',
      'job-store/composed-equals-fused': 'the records after settle',
      'job-store/dead-worker-refused': 'a dead worker’s completion of a job taken back',
      'job-store/expire-at-claim': 'the jobs that w could claim',
      'job-store/leave-keeps-started-attempts': 'the jobs that stays could claim',
      'job-store/recover-cancelled': 'what w2 claims after it was cancelled',
      'job-store/recover-crash-limit': 'what w3 claims after the job failed as crashed',
      'model/patches': 'patchMany',
      'storage/patch-alike': 'the answers in order',
      'storage/patch-many': 'the answers in order',
      'storage/patch-n-writers': 'how many of nine claims succeed',
      'storage/patch-names': 'the answer where "a.b" is missing',
      'storage/patch-not-lasting': 'the answers to a patch and to one that is refused',
      'storage/patch-where': 'the answer where text is 1',
    },
  },
  {
    mistake: 'a patch that need not last tells another rev than it stores',
    parts: storage(
      (Base) =>
        class extends Base {
          override async patchMany<T = true>(
            namespace: string,
            items: readonly PatchItem[],
            options: PatchOptions = {},
          ): Promise<(T | null)[]> {
            const answers = await super.patchMany<T>(namespace, items, options)
            if (options.lasting !== false || !options.read) return answers
            return answers.map((answer) => answer && { ...answer, rev: revOf(answer) + 1 })
          }
        },
    ),
    fails: {
      'job-store/counters-survive-prune': 'the answer to fail of f1 by its worker',
      'job-store/prune-retention': 'the answer to cancel of x1 by its worker',
      'job-store/remember-ends': 'the answer to complete of a by its worker',
      'job-store/repeat-after-finish': 'the answer to complete of pruned by its worker',
      'storage/patch-not-lasting': 'the answers to a patch and to one that is refused',
    },
  },
  {
    mistake: 'a patch replaces the record',
    parts: storage(
      (Base) =>
        class extends Base {
          protected override patched(row: Row, item: PatchItem, set: Fields): Fields {
            const rev = this.revOf(row)
            return super.patched({ ...row, value: { rev } }, item, { ...set })
          }
        },
    ),
    fails: {
      'job-store/attempt-at-claim': 'the jobs that w1 claims',
      'job-store/cancel-reason': 'the jobs that w could claim',
      'job-store/cancel-requested-ends-it': 'the jobs that w could claim',
      'job-store/change-cancel': 'the jobs that w could claim',
      'job-store/change-discard': 'the jobs that w could claim',
      'job-store/change-promote-reschedule': 'the jobs that w could claim',
      'job-store/change-retry': 'the jobs that w could claim',
      'job-store/claim-disjoint': 'all that was claimed',
      'job-store/claim-exact-slots': 'a claim of 3 of a type with 5 jobs',
      'job-store/claim-order': 'the ids of one claim, in order',
      'job-store/composed-equals-fused': 'what a claim of all gives',
      'job-store/concurrency-cluster-wide': 'jobs claimed and running with maxActive 2',
      'job-store/concurrency-place-comes-back': 'the jobs that w could claim',
      'job-store/counters-survive-prune': 'the jobs that w could claim',
      'job-store/crashes-apart-from-failures': 'the jobs that w1 claims',
      'job-store/dead-worker-refused': 'the jobs that w1 claims',
      'job-store/expire-at-claim': 'the jobs that w could claim',
      'job-store/expire-pending': 'the jobs that w could claim',
      'job-store/fence-grows': 'the jobs that w could claim',
      'job-store/hand-over': 'the jobs that w could claim',
      'job-store/hands-out-copies': 'the jobs that w could claim',
      'job-store/heartbeat-all': 'the jobs that w could claim',
      'job-store/heartbeat-leave': 'the jobs that w could claim',
      'job-store/heartbeat-releases-unknown': 'the jobs that w could claim',
      'job-store/heartbeat-reports-cancel': 'the jobs that w could claim',
      'job-store/heartbeat-reports-lost': 'the jobs that w1 could claim',
      'job-store/insert-bad-one-isolated': 'the jobs that w could claim',
      'job-store/insert-delayed': 'the jobs that w could claim',
      'job-store/insert-idempotent': 'the jobs that w could claim',
      'job-store/insert-roundtrip': 'the result in the record',
      'job-store/leave-keeps-started-attempts': 'the jobs that w could claim',
      'job-store/list-filters': 'the jobs that w could claim',
      'job-store/next-due': 'jobs and nextDueInMs of a claim of 1 of 2',
      'job-store/pause-resume': 'the jobs that w could claim',
      'job-store/prune-age': 'the jobs that w could claim',
      'job-store/prune-age-holds': 'the jobs that w could claim',
      'job-store/prune-retention': 'the jobs that w could claim',
      'job-store/recover-cancelled': 'the jobs that w could claim',
      'job-store/recover-crash-limit': 'the jobs that w1 claims',
      'job-store/recover-expired': 'the jobs that lives could claim',
      'job-store/recover-grace': 'the jobs that w could claim',
      'job-store/release-gives-attempt-back': 'the jobs that w could claim',
      'job-store/remember-ends': 'the jobs that w could claim',
      'job-store/repeat-after-finish': 'the jobs that w could claim',
      'job-store/settle-and-claim': 'the jobs that w could claim',
      'job-store/settle-cancel': 'the jobs that w could claim',
      'job-store/settle-complete': 'the jobs that w could claim',
      'job-store/settle-duplicate-ids-rejected': 'the jobs that w could claim',
      'job-store/settle-fail': 'the jobs that w could claim',
      'job-store/settle-frees-its-place': 'the jobs that w could claim',
      'job-store/settle-repeat-not-stale': 'the jobs that w could claim',
      'job-store/settle-retry': 'the jobs that w could claim',
      'job-store/settle-retry-delay-holds': 'the jobs that w could claim',
      'job-store/settle-stale-refused': 'the jobs that w1 could claim',
      'job-store/snooze': 'the jobs that w could claim',
      'job-store/stats': 'the jobs that w could claim',
      'job-store/sweep-twice-at-once': 'jobs claimed',
      'job-store/undecodable-kept': 'the jobs that w could claim',
      'job-store/unique-occurrence': 'the jobs that w could claim',
      'job-store/unknown-worker': 'the jobs that nobody could claim',
      'job-store/workers-listed': 'the jobs that w1 could claim',
      'model/hybrid': 'what a claim of all gives',
      'model/patches': 'get of a',
      'storage/patch-alike': 'the answers in order',
      'storage/patch-counts': 'a first count',
      'storage/patch-fields': 'the answer with `read`',
      'storage/patch-many': 'the answers in order',
      'storage/patch-n-writers': 'fields, rev and count afterwards',
      'storage/patch-names': 'a record whose "a.b" was set',
      'storage/patch-not-lasting': 'the answers to a patch and to one that is refused',
      'storage/patch-prune': 'what prune resolves to',
    },
  },
  {
    mistake: 'undefined in a patch is stored as null',
    parts: storage(
      (Base) =>
        class extends Base {
          protected override patched(row: Row, item: PatchItem, set: Fields): Fields {
            const nulls = Object.entries(item.set).map(([name, value]) => [name, value ?? null])
            return super.patched(row, { ...item, set: {} }, { ...Object.fromEntries(nulls), ...set })
          }
        },
    ),
    fails: {
      'model/patches': 'get of a',
      'storage/patch-alike': 'the answers in order',
      'storage/patch-fields': 'the answer with `read`',
      'storage/patch-names': 'a record whose "a.b" was taken away',
      'storage/patch-prune': 'what prune resolves to',
    },
  },
  {
    mistake: 'a patch leaves the rev as it is',
    parts: storage(
      (Base) =>
        class extends Base {
          protected override patched(row: Row, item: PatchItem, set: Fields): Fields {
            return { ...super.patched(row, item, { ...set }), rev: this.revOf(row) }
          }
        },
    ),
    fails: {
      'job-store/fence-grows': 'the fences of six claims of one job grow from 1 on',
      'job-store/prune-retention':
        'the jobs left of four completed (2 kept), two failed (1), one cancelled (0), and one of another type',
      'model/patches': 'get of a',
      'storage/patch-alike': 'the answers in order',
      'storage/patch-counts': 'a first count',
      'storage/patch-fields': 'the answer with `read`',
      'storage/patch-many': 'the answers for an id named twice',
      'storage/patch-n-writers': 'fields, rev and count afterwards',
      'storage/patch-names': 'a record whose "a.b" was set',
      'storage/patch-not-lasting': 'the rev afterwards is an integer above 7',
    },
  },
  {
    mistake: 'getMany gives what it finds, in its own order',
    parts: storage(
      (Base) =>
        class extends Base {
          override async getMany<T>(namespace: string, ids: readonly string[]): Promise<(T | null)[]> {
            return await this.step(() =>
              this.rules
                .sorted(this.rowsOf(namespace), undefined)
                .filter((row) => ids.includes(row.id))
                .map((row) => this.out(row.value) as T),
            )
          }
        },
    ),
    fails: {
      'job-store/cancel-requested-ends-it': 'the states after retry, release, snooze and complete',
      'job-store/change-cancel': 'cancel of pending, running, completed, failed, cancelled, nobody',
      'job-store/change-discard':
        'discard of pending, running, completed, failed, cancelled, nobody and ready',
      'job-store/change-retry': 'retry of pending, running, completed, failed, cancelled, nobody',
      'job-store/composed-equals-fused': 'the records after insert',
      'job-store/insert-bad-one-isolated': 'records of the refused ones',
      'job-store/insert-defaults': 'get of x, a and y',
      'job-store/leave-keeps-started-attempts':
        'state, reason, attempt, crashes, failures and worker of those started and of the one that was not',
      'job-store/repeat-after-finish': 'which records are gone',
      'model/hybrid': 'the records after change',
      'storage/getmany-order': 'answers in the order of the ids',
      'storage/ns-isolated-batches': 'getMany in the second',
    },
  },
  {
    mistake: 'now stands still',
    parts: storage(
      (Base) =>
        class extends Base {
          #first: number | undefined
          override async now(): Promise<number> {
            this.#first ??= await super.now()
            return this.#first
          }
        },
    ),
    fails: {
      'job-store/at-most-once-crash': 'the jobs of w1, whose lease ended',
      'job-store/attempt-at-claim': 'the jobs of w1, whose lease ended',
      'job-store/change-retry': 'the jobs of w-dies, whose lease ended',
      'job-store/composed-equals-fused': 'the records after crash',
      'job-store/concurrency-place-comes-back': 'the jobs of w-dies, whose lease ended',
      'job-store/counters-survive-prune': 'the records left',
      'job-store/crashes-apart-from-failures': 'the jobs of w1, whose lease ended',
      'job-store/dead-worker-refused': 'the jobs of w1, whose lease ended',
      'job-store/expire-pending': 'due after a sweep',
      'job-store/fence-grows': 'the jobs of w-dies, whose lease ended',
      'job-store/heartbeat-releases-unknown':
        'state, attempt, crashes and failures of the unknown claim once it is old enough',
      'job-store/prune-age': 'the records of done and cancelled, older than their age',
      'job-store/recover-cancelled': 'a after its worker died',
      'job-store/recover-crash-limit': 'the jobs of w1, whose lease ended',
      'job-store/recover-expired': 'the jobs of dies, whose lease ended',
      'job-store/remember-ends': 'inserting the id again after its time',
      'job-store/sweep-bounded': ['more, while four are left', 'the states when the sweeps have no more'],
      'job-store/sweep-twice-at-once': 'state and crashes of each job after three sweeps at once',
      'time/now': 'how far now moved while',
    },
  },
]

function revOf(record: unknown): number {
  return (record as { readonly rev: number }).rev
}
