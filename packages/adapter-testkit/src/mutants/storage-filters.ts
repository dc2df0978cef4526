/** Mistakes in how a storage filters. */
import type { Filter } from '@sched/core/adapter'
import { MISSING, RowRules } from '../model/filter.ts'
import type { Row } from '../model/rows.ts'
import type { Mutant } from './mutant.ts'
import { contains, storage, withRules } from './storage-parts.ts'

export const storageFilterMutants: readonly Mutant[] = [
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
      'storage/patch-where': 'the answer where nobody is null',
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
      'storage/patch-fields': 'count by a field that it took away',
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
]
