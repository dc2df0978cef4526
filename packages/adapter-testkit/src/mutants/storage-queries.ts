/** Mistakes in how a storage filters, orders, pages, prunes and compares. */
import { equalValues, type Filter, type ListOptions, type StoredRecord } from '@sched/core/adapter'
import { MISSING, RowRules } from '../model/filter.ts'
import type { Row } from '../model/rows.ts'
import { ModelStorage } from '../model/storage.ts'
import type { Mutant } from './mutant.ts'

function withRules(rules: RowRules): Mutant['parts'] {
  return {
    storage: (node) =>
      new (class extends ModelStorage {
        protected override readonly rules = rules
      })(node),
  }
}

function storage(make: (base: typeof ModelStorage) => typeof ModelStorage): Mutant['parts'] {
  const Broken = make(ModelStorage)
  return { storage: (node) => new Broken(node) }
}

function contains(value: unknown, part: unknown): boolean {
  if (typeof part !== 'object' || part === null || part instanceof Date) return equalValues(value, part)
  if (typeof value !== 'object' || value === null) return false
  if (Array.isArray(part)) {
    return Array.isArray(value) && part.every((item) => value.some((other) => contains(other, item)))
  }
  return Object.entries(part).every(([key, item]) => contains((value as Record<string, unknown>)[key], item))
}

function numberOf(value: unknown): number {
  return value instanceof Date || typeof value === 'number' ? Number(value) : Number.NaN
}

export const storageQueryMutants: readonly Mutant[] = [
  {
    mistake: 'containment instead of equality',
    parts: withRules(
      new (class extends RowRules {
        override equal(value: unknown, other: unknown): boolean {
          return value !== MISSING && contains(value, other)
        }
      })(),
    ),
    fails: {
      'storage/filter-eq-not-containment': 'the ids listed by a list',
    },
  },
  {
    mistake: 'dates by identity',
    parts: withRules(
      new (class extends RowRules {
        override equal(value: unknown, other: unknown): boolean {
          return value instanceof Date ? value === other : super.equal(value, other)
        }
      })(),
    ),
    fails: {
      'model/storage': 'list',
      'storage/filter-date-by-value': 'the ids listed by an instant',
      'storage/filter-in': 'the ids listed by $in of an instant and a boolean',
    },
  },
  {
    mistake: 'a missing field equals null',
    parts: withRules(
      new (class extends RowRules {
        override equal(value: unknown, other: unknown): boolean {
          return super.equal(value === MISSING ? null : value, other)
        }
      })(),
    ),
    fails: {
      'model/storage': 'list',
      'storage/filter-null-vs-missing': 'the ids listed by null',
      'storage/index-is-a-hint': 'count by null of an indexed field',
      'storage/undefined-dropped': 'count by null of the dropped field',
    },
  },
  {
    mistake: '$ne does not match a missing field',
    parts: withRules(
      new (class extends RowRules {
        override operator(value: unknown, operator: string, operand: unknown): boolean {
          return operator === '$ne' && value === MISSING ? false : super.operator(value, operator, operand)
        }
      })(),
    ),
    fails: {
      'model/storage': 'a walk of pages of 1',
      'storage/filter-ne': 'the ids listed by $ne of a number',
      'storage/filter-null-vs-missing': 'the ids listed by $ne null',
      'storage/index-is-a-hint': 'ids by $ne of an indexed field',
    },
  },
  {
    mistake: 'a bare null matches everything that is not set',
    parts: withRules(
      new (class extends RowRules {
        override fieldMatches(value: unknown, condition: unknown): boolean {
          return condition === null
            ? value === MISSING || value === null
            : super.fieldMatches(value, condition)
        }
      })(),
    ),
    fails: {
      'model/storage': 'list',
      'storage/filter-null-vs-missing': 'the ids listed by null',
      'storage/index-is-a-hint': 'count by null of an indexed field',
      'storage/undefined-dropped': 'count by null of the dropped field',
    },
  },
  {
    mistake: 'ranges compare as JavaScript does, across kinds',
    parts: withRules(
      new (class extends RowRules {
        override inRange(value: unknown, operator: string, bound: unknown): boolean {
          if (value === MISSING) return false
          const [a, b] = [value as number, bound as number]
          if (operator === '$lt') return a < b
          if (operator === '$lte') return a <= b
          return operator === '$gt' ? a > b : a >= b
        }
      })(),
    ),
    fails: {
      'model/storage': 'list',
      'storage/filter-range': 'the ids listed by $gt 9',
      'storage/text-by-bytes': 'ids whose text is above U+FF5E',
    },
  },
  {
    mistake: '$gte is $gt',
    parts: withRules(
      new (class extends RowRules {
        override inRange(value: unknown, operator: string, bound: unknown): boolean {
          return super.inRange(value, operator === '$gte' ? '$gt' : operator, bound)
        }
      })(),
    ),
    fails: {
      'storage/filter-range': 'the ids listed by $gte 9',
    },
  },
  {
    mistake: 'only the first operator of a condition counts',
    parts: withRules(
      new (class extends RowRules {
        override fieldMatches(value: unknown, condition: unknown): boolean {
          if (typeof condition !== 'object' || condition === null || Array.isArray(condition)) {
            return super.fieldMatches(value, condition)
          }
          const [first] = Object.entries(condition)
          return super.fieldMatches(
            value,
            first?.[0].startsWith('$') ? Object.fromEntries([first]) : condition,
          )
        }
      })(),
    ),
    fails: {
      'model/storage': 'list',
      'storage/filter-ne': 'the ids listed by $ne together with $in',
      'storage/filter-range': 'the ids listed by both ends',
    },
  },
  {
    mistake: 'the conditions are an OR',
    parts: withRules(
      new (class extends RowRules {
        override matches(row: Row, filter: Filter): boolean {
          const fields = Object.keys(filter)
          return (
            fields.length === 0 ||
            fields.some((field) => this.fieldMatches(this.field(row, field), filter[field]))
          )
        }
      })(),
    ),
    fails: {
      'job-store/attempt-at-claim': 'the jobs that w2 could claim',
      'job-store/change-retry': 'the jobs that w could claim',
      'job-store/composed-equals-fused': 'the counts after insert',
      'job-store/concurrency-cluster-wide': 'jobs claimed and running with maxActive 2',
      'job-store/concurrency-place-comes-back': 'the jobs that w could claim',
      'job-store/counters-survive-prune': 'the records left',
      'job-store/crashes-apart-from-failures': 'the jobs that w2 could claim',
      'job-store/dead-worker-refused': 'state, failures and crashes of its jobs',
      'job-store/expire-pending': 'expired in the sweeps',
      'job-store/expiry-spares-running': 'the state after a sweep past expiresAt',
      'job-store/fence-grows': 'the jobs that w could claim',
      'job-store/heartbeat-all': 'dead and recovered in the sweep after heartbeat 1',
      'job-store/leave-keeps-started-attempts':
        'pending, running, completed, failed and cancelled in the counts',
      'job-store/list-filters': 'list of a type',
      'job-store/prune-age-holds': 'the jobs that w could claim',
      'job-store/recover-crash-limit': 'state, crashes and failures after the first death',
      'job-store/recover-expired': 'how many workers the sweeps declared dead',
      'job-store/recover-grace': 'dead and recovered in a sweep with a long grace',
      'job-store/remember-ends': 'a repeat of the first job’s settle',
      'job-store/settle-complete': 'the jobs that w could claim',
      'job-store/stats': 'the counts of mail',
      'job-store/sweep-bounded': 'the states when the sweeps have no more',
      'job-store/sweep-twice-at-once': 'state and crashes of each job after three sweeps at once',
      'job-store/unique-occurrence': 'the jobs of the schedule daily',
      'job-store/workers-listed': 'id, dead and running of the workers',
      'model/hybrid': 'the counts after insert',
      'model/storage': 'a walk of pages of 1',
      'storage/count-filter': 'count by two conditions',
      'storage/filter-eq': 'the ids listed by two fields',
      'storage/filter-in': 'the ids listed by two $in',
    },
  },
  {
    mistake: 'an unknown operator is ignored',
    parts: storage(
      (Base) =>
        class extends Base {
          protected override checkQuery(): void {}
        },
    ),
    fails: {
      'storage/empty-id-rejected': 'list of the namespace ""',
      'storage/unknown-operator-rejected': 'list with the operator $regex',
    },
  },
  {
    mistake: 'numbers are ordered as text',
    parts: withRules(
      new (class extends RowRules {
        override compareSameKind(a: unknown, b: unknown): number {
          return typeof a === 'number'
            ? Number(String(a) > String(b)) - Number(String(a) < String(b))
            : super.compareSameKind(a, b)
        }
      })(),
    ),
    fails: {
      'storage/filter-range': 'the ids listed by $gt 9',
      'storage/numeric-not-lexical': 'the numbers in order',
      'storage/order-desc': 'ids ordered by a number, desc',
    },
  },
  {
    mistake: 'text is ordered by the locale',
    parts: withRules(
      new (class extends RowRules {
        override compareSameKind(a: unknown, b: unknown): number {
          return typeof a === 'string' ? a.localeCompare(b as string, 'en') : super.compareSameKind(a, b)
        }
      })(),
    ),
    fails: {
      'storage/filter-range': 'the ids listed by $gte of text',
      'storage/text-by-bytes': 'ids ordered by the same text in a field',
    },
  },
  {
    mistake: 'missing fields come first when descending',
    parts: withRules(
      new (class extends RowRules {
        override compareFields(a: unknown, b: unknown, direction: 'asc' | 'desc'): number {
          const order = super.compareFields(a, b, 'asc')
          return direction === 'desc' ? -order : order
        }
      })(),
    ),
    fails: {
      'storage/missing-last': 'ids, desc',
    },
  },
  {
    mistake: 'ties come in the order of saving',
    parts: withRules(
      new (class extends RowRules {
        override sorted(rows: readonly Row[], orderBy: ListOptions['orderBy']): Row[] {
          if (orderBy === undefined) return super.sorted(rows, orderBy)
          const { field, direction } = orderBy
          return rows.toSorted((a, b) =>
            this.compareFields(this.field(a, field), this.field(b, field), direction ?? 'asc'),
          )
        }
      })(),
    ),
    fails: {
      'model/storage': 'list',
      'storage/missing-last': 'ids, asc',
      'storage/ties-by-id': 'ids ordered by a field with ties',
    },
  },
  {
    mistake: 'the default order is that of saving',
    parts: storage(
      (Base) =>
        class extends Base {
          protected override readonly rules = new (class extends RowRules {
            override sorted(rows: readonly Row[], orderBy: ListOptions['orderBy']): Row[] {
              return orderBy === undefined ? [...rows] : super.sorted(rows, orderBy)
            }
          })()
        },
    ),
    fails: {
      'model/storage': 'a walk of pages of 1',
      'storage/cas-many': 'the records a, b, c, z',
      'storage/case-sensitive': 'the ids that list gives, in order by bytes',
      'storage/cursor-complete': 'ids seen with pages of 1',
      'storage/cursor-under-insert': 'ids seen in a walk with inserts before the cursor',
      'storage/default-order-stable': 'ids in the default order',
      'storage/delete': 'list after delete',
      'storage/filter-null-vs-missing': 'the ids listed by $ne null',
      'storage/filter-range': 'the ids listed by $gte 9',
      'storage/glob-meta': 'the ids that list gives, in order by bytes',
      'storage/nfc-nfd-distinct': 'the ids that list gives, in order by bytes',
      'storage/offset': 'ids from offset 15, without a limit',
      'storage/prune-created-at': 'the ids that stay after prune: by createdAt',
      'storage/prune-missing-field-kept': 'the ids that stay after prune: what has no age',
      'storage/prune-strict': 'the ids that stay after prune: by finishedAt',
      'storage/reserved-sentinel': 'the ids that list gives, in order by bytes',
      'storage/sql-wildcard': 'the ids that list gives, in order by bytes',
      'storage/text-by-bytes': 'ids in the default order',
      'storage/unicode-id': 'the ids that list gives, in order by bytes',
    },
  },
  {
    mistake: 'limit 0 means no limit',
    parts: storage(
      (Base) =>
        class extends Base {
          protected override slice(rows: readonly Row[], options: ListOptions): Row[] {
            return options.limit === 0 ? [...rows] : super.slice(rows, options)
          }
        },
    ),
    fails: {
      'model/storage': 'list',
      'storage/limit-0': 'list with limit 0',
    },
  },
  {
    mistake: 'the limit is taken before the offset',
    parts: storage(
      (Base) =>
        class extends Base {
          protected override slice(rows: readonly Row[], { offset = 0, limit }: ListOptions): Row[] {
            return rows.slice(offset, limit)
          }
        },
    ),
    fails: {
      'model/storage': 'list',
      'storage/offset': 'three ids from offset 5',
      'storage/ties-by-id': 'a slice across two groups',
    },
  },
  {
    mistake: 'offset paging under inserts',
    parts: storage(
      (Base) =>
        class extends Base {
          readonly #offsets = new Map<string, number>()
          override async page<T>(
            namespace: string,
            filter: Filter | undefined,
            { limit, after }: { readonly limit: number; readonly after?: string },
          ): Promise<StoredRecord<T>[]> {
            const offset = after === undefined ? 0 : (this.#offsets.get(after) ?? 0)
            const page = (await super.page<T>(namespace, filter, { limit: offset + limit })).slice(offset)
            const last = page.at(-1)
            if (last !== undefined) this.#offsets.set(last.id, offset + page.length)
            return page
          }
        },
    ),
    fails: {
      'job-store/list-filters': 'the ids of the walk',
      'storage/cursor-under-delete': 'the ids seen, each page deleted after it was read',
      'storage/cursor-under-insert': 'ids seen in a walk with inserts before the cursor',
    },
  },
  {
    mistake: 'a page filters after it has limited',
    parts: storage(
      (Base) =>
        class extends Base {
          override async page<T>(
            namespace: string,
            filter: Filter | undefined,
            options: { readonly limit: number; readonly after?: string },
          ): Promise<StoredRecord<T>[]> {
            const page = await super.page<T>(namespace, undefined, options)
            return page.filter(({ id, value }) => this.rules.matches({ namespace, id, value }, filter ?? {}))
          }
        },
    ),
    fails: {
      'job-store/list-filters': 'whether the walk had one page only',
      'storage/cursor-complete': 'the record of a page',
      'storage/unknown-operator-rejected': 'page with the operator $regex',
    },
  },
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
      'model/storage': 'prune before 3000',
      'race/prune-vs-save': 'how many prune says it deleted of 40 old records, 20 being saved anew meanwhile',
      'storage/cas-deleted': 'compareAndSet expecting no record, after prune',
      'storage/case-sensitive': 'prune of the namespace "ns"',
      'storage/count-after-prune': 'count after prune and delete',
      'storage/glob-meta': 'prune of the namespace "jobs*"',
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
      'model/storage': 'prune before 1000',
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
      'job-store/claim-exact-slots': 'the jobs that w could claim',
      'job-store/claim-order': 'the ids of one claim, in order',
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
      'job-store/sweep-bounded': 'the states when the sweeps have no more',
      'job-store/sweep-twice-at-once': 'state and crashes of each job after three sweeps at once',
      'time/now': 'how far now moved while',
    },
  },
]
