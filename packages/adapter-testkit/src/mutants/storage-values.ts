/** Mistakes in how a storage keeps values. */
import { copyValue } from '@sched/core/adapter'
import { ModelStorage } from '../model/storage.ts'
import type { Mutant } from './mutant.ts'

type Json = Record<string, unknown>

/** Applies `change` to every value inside, the innermost first. */
function deep(value: unknown, change: (value: unknown) => unknown): unknown {
  if (typeof value !== 'object' || value === null || value instanceof Date) return change(value)
  if (Array.isArray(value)) return change(value.map((item) => deep(item, change)))
  const result: Json = {}
  for (const key of Object.keys(value)) define(result, key, deep((value as Json)[key], change))
  return change(result)
}

function define(object: object, key: string, value: unknown): void {
  Object.defineProperty(object, key, { value, enumerable: true, configurable: true, writable: true })
}

function isPlain(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Date)
}

/** Stores what `change` makes of the value. */
function stores(change: (value: unknown) => unknown): Mutant['parts'] {
  return {
    storage: (node) =>
      new (class extends ModelStorage {
        protected override in(value: unknown): unknown {
          return deep(super.in(value), change)
        }
      })(node),
  }
}

/** Gets the value from the caller through `change`, before it is checked. */
function accepts(change: (value: unknown) => unknown): Mutant['parts'] {
  return {
    storage: (node) =>
      new (class extends ModelStorage {
        protected override in(value: unknown): unknown {
          return super.in(change(value))
        }
      })(node),
  }
}

export const storageValueMutants: readonly Mutant[] = [
  {
    mistake: '`[]` becomes `{}`',
    parts: stores((value) => (Array.isArray(value) && value.length === 0 ? {} : value)),
    fails: {
      'job-store/insert-roundtrip': 'the claimed job',
      'model/patches': 'get of a',
      'model/storage': 'get of a',
      'storage/cas-many': 'the records a, b, c, z',
      'storage/cas-preserves-types': 'get after the insert',
      'storage/empty-array-stays': 'get after save',
      'storage/filter-eq-not-containment': 'the ids listed by an empty list',
      'storage/patch-fields': 'the answer with `read`',
      'storage/savemany': 'a record that was there before',
    },
  },
  {
    mistake: 'shallow clone of what the caller hands in',
    parts: {
      storage: (node) =>
        new (class extends ModelStorage {
          protected override in(value: unknown): unknown {
            const copy = copyValue(value)
            return isPlain(value) && isPlain(copy) ? { ...value } : copy
          }
        })(node),
    },
    fails: {
      'storage/caller-mutation': 'get after the caller changed its object',
    },
  },
  {
    mistake: 'shallow clone of what is stored',
    parts: {
      storage: (node) =>
        new (class extends ModelStorage {
          protected override out(value: unknown): unknown {
            return isPlain(value) ? { ...value } : value
          }
        })(node),
    },
    fails: {
      'job-store/hands-out-copies': 'payload, options and occurrence of the record after round 1',
      'schedule-store/roundtrip': 'get after the caller changed what it was given',
      'storage/list-isolated': 'get after an answer of list was changed',
      'storage/returned-mutation': 'a second get after the first answer was changed',
    },
  },
  {
    mistake: 'a Date comes back as text',
    parts: stores((value) => (value instanceof Date ? value.toISOString() : value)),
    fails: {
      'job-store/hands-out-copies': 'payload, options and occurrence of claim 1',
      'job-store/insert-roundtrip': 'the claimed job',
      'model/patches': 'get of a',
      'model/storage': 'get of a',
      'schedule-store/roundtrip': 'get after add',
      'schedule-store/state': 'state, payload, value and version after setState inactive',
      'schedule-store/update-fallback': 'get after an update by delete and add',
      'storage/caller-mutation': 'get after the caller changed its object',
      'storage/cas-preserves-types': 'get after the insert',
      'storage/date-roundtrip': 'a Date comes back as a Date',
      'storage/filter-date-by-value': 'the ids listed by an instant',
      'storage/filter-in': 'the ids listed by $in of an instant and a boolean',
      'storage/filter-range': 'the ids listed by $gt of an instant',
      'storage/list-isolated': 'an unexpected TypeError: seen?.at.setTime is not a function',
      'storage/mixed-kinds': 'ids ordered by a field of mixed kinds',
      'storage/patch-fields': 'the answer with `read`',
      'storage/patch-prune': 'what prune resolves to',
      'storage/patch-where': 'the record at afterwards',
      'storage/prune-created-at': 'the ids that stay after prune: by createdAt',
      'storage/prune-strict': 'the ids that stay after prune: by finishedAt',
      'storage/prune-terminal-only': 'the ids that stay after prune: unfinished ones among finished',
      'storage/returned-mutation': 'an unexpected TypeError: seen.at.setTime is not a function',
      'storage/savemany': 'a record that was there before',
    },
  },
  {
    mistake: 'a Date loses its milliseconds',
    parts: stores((value) =>
      value instanceof Date ? new Date(Math.floor(value.getTime() / 1000) * 1000) : value,
    ),
    fails: {
      'job-store/hands-out-copies': 'payload, options and occurrence of claim 1',
      'job-store/insert-roundtrip': 'the result in the record',
      'storage/cas-preserves-types': 'get after the insert',
      'storage/date-roundtrip': 'get after save',
      'storage/filter-date-by-value': 'the ids listed by an instant',
      'storage/patch-fields': 'the answer with `read`',
      'storage/patch-where': 'the record at afterwards',
      'storage/savemany': 'a record that was there before',
    },
  },
  {
    mistake: 'text that looks like a date becomes one',
    parts: stores((value) =>
      typeof value === 'string' && /^\d{4}-\d\d-\d\dT[\d:.]+Z$/.test(value) ? new Date(value) : value,
    ),
    fails: {
      'storage/date-roundtrip': 'get after save',
      'storage/filter-date-by-value': 'the ids listed by an instant',
      'storage/prune-missing-field-kept': 'the ids that stay after prune: what has no age',
    },
  },
  {
    mistake: 'an object that looks like the encoding of a Date becomes one',
    parts: stores((value) =>
      isPlain(value) && Object.keys(value).length === 1 && typeof value.$date === 'number'
        ? new Date(value.$date)
        : value,
    ),
    fails: {
      'job-store/insert-roundtrip': 'the claimed job',
      'storage/date-roundtrip': 'get after save',
      'storage/filter-date-by-value': 'the ids listed by an instant',
    },
  },
  {
    mistake: 'null drops like undefined',
    parts: stores((value) => {
      if (!isPlain(value)) return value
      const kept: Json = {}
      for (const [key, item] of Object.entries(value)) if (item !== null) define(kept, key, item)
      return kept
    }),
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
      'job-store/undecodable-kept': 'the failed jobs listed',
      'model/hybrid': 'the records after crash',
      'model/patches': 'get of a',
      'model/storage': 'get of a',
      'race/prune-vs-save': 'the record',
      'schedule-store/roundtrip': 'get after add',
      'schedule-store/update-fallback': 'get after an update by delete and add',
      'storage/cas-preserves-types': 'get after the insert',
      'storage/filter-null-vs-missing': 'the ids listed by null',
      'storage/index-is-a-hint': 'count by null of an indexed field',
      'storage/null-kept': 'the null property is there',
      'storage/patch-alike': 'the answers in order',
      'storage/patch-fields': 'the answer with `read`',
      'storage/patch-prune': 'what prune resolves to',
      'storage/patch-where': 'the answer where nothing is undefined',
      'storage/prune-bounded': 'what prune of 1,210 old records resolves to',
      'storage/prune-terminal-only': 'the ids that stay after prune: unfinished ones among finished',
      'storage/roundtrip': 'get after save',
    },
  },
  {
    mistake: 'undefined is kept as null',
    parts: accepts((value) =>
      isPlain(value)
        ? Object.fromEntries(Object.entries(value).map(([key, item]) => [key, item ?? null]))
        : value,
    ),
    fails: {
      'storage/undefined-dropped': 'the undefined property is missing',
    },
  },
  {
    mistake: 'NaN and Infinity become null, as JSON.stringify has it',
    parts: accepts((value) => deepNumbers(value, (number) => (Number.isFinite(number) ? number : null))),
    fails: {
      'storage/nan-rejected': 'save of Infinity',
    },
  },
  {
    mistake: 'text that looks like a number becomes one',
    parts: stores((value) =>
      typeof value === 'string' && /^-?\d{1,15}$/.test(value) ? Number(value) : value,
    ),
    fails: {
      'model/patches': 'get of a',
      'model/storage': 'get of a',
      'schedule-store/roundtrip': 'get after add',
      'schedule-store/state': 'state, payload, value and version after setState inactive',
      'schedule-store/update-fallback': 'get after an update by delete and add',
      'storage/filter-eq': 'the ids listed by a number',
      'storage/filter-in': 'the ids listed by $in of text and number',
      'storage/filter-ne': 'the ids listed by $ne of a number',
      'storage/filter-range': 'the ids listed by $gt 9',
      'storage/mixed-kinds': 'ids ordered by a field of mixed kinds',
      'storage/patch-alike': 'the answers in order',
      'storage/patch-where': 'the answer where text is 1',
      'storage/prune-missing-field-kept': 'the ids that stay after prune: what has no age',
      'storage/reserved-sentinel': 'get of the id "0"',
      'storage/text-by-bytes': 'ids in the default order',
    },
  },
  {
    mistake: 'NUL characters are cut out of text',
    parts: stores((value) => (typeof value === 'string' ? value.replaceAll('\0', '') : value)),
    fails: {
      'job-store/insert-roundtrip': 'the claimed job',
      'storage/cas-preserves-types': 'get after the insert',
      'storage/nul-char': 'get after save',
      'storage/patch-fields': 'the answer with `read`',
    },
  },
  {
    mistake: '`__proto__` is assigned instead of defined',
    parts: stores((value) => {
      if (!isPlain(value)) return value
      const result: Json = {}
      for (const key of Object.keys(value)) result[key] = value[key]
      return result
    }),
    fails: {
      'storage/patch-names': 'the answer where "__proto__" is missing',
      'storage/proto-key-inert':
        'an unexpected ValueUnserializableError VALUE_UNSERIALIZABLE: value: an instance of a class',
    },
  },
  {
    mistake: 'keys with a dot become nested objects',
    parts: stores((value) => {
      if (!isPlain(value)) return value
      const result: Json = {}
      for (const [key, item] of Object.entries(value)) {
        const [head, ...rest] = key.split('.')
        if (rest.length === 0 || head === undefined) define(result, key, item)
        else define(result, head, { [rest.join('.')]: item })
      }
      return result
    }),
    fails: {
      'storage/dollar-dot-field': 'get of keys with $ and dots',
      'storage/patch-names': 'the answer where "a.b" is missing',
    },
  },
  {
    mistake: 'save merges into the stored record',
    parts: {
      storage: (node) =>
        new (class extends ModelStorage {
          protected override put(namespace: string, id: string, value: unknown): void {
            const stored = this.space.rows.get(this.key(namespace, id))?.value
            super.put(namespace, id, isPlain(stored) && isPlain(value) ? { ...stored, ...value } : value)
          }
        })(node),
    },
    fails: {
      'job-store/change-promote-reschedule': 'the jobs that w could claim',
      'job-store/change-retry': 'state, failures, crashes and finishedAt of worn',
      'job-store/composed-equals-fused': 'the records after settle',
      'job-store/dead-worker-refused': 'a dead worker’s completion of a job taken back',
      'job-store/heartbeat-leave': 'state, attempt and crashes of what it held',
      'job-store/heartbeat-releases-unknown':
        'state, attempt, crashes and failures of the unknown claim once it is old enough',
      'job-store/leave-keeps-started-attempts':
        'state, reason, attempt, crashes, failures and worker of those started and of the one that was not',
      'job-store/recover-crash-limit': 'crashes, failures and worker',
      'job-store/recover-expired': 'state, crashes, failures, worker and attempt of a and b',
      'job-store/release-gives-attempt-back': 'state, attempt, failures, crashes and worker after release 1',
      'job-store/settle-cancel': 'state, reason, failures, worker and whether finishedAt is missing',
      'job-store/settle-complete': 'state, result, worker, attempt, failures and reason',
      'job-store/settle-fail': 'state, reason, error, failures and worker',
      'job-store/settle-retry': 'state, failures and worker while it waits',
      'job-store/settle-stale-refused': 'state, worker, failures and attempt after the refused settles',
      'job-store/snooze': 'state, attempt, failures and error',
      'model/hybrid': 'the records after settle',
      'model/patches': 'get of a',
      'model/storage': 'get of a',
      'storage/cas-ok': 'get after it',
      'storage/patch-alike': 'the answers in order',
      'storage/patch-counts': 'a count of a text',
      'storage/patch-fields': 'the answer with `read`',
      'storage/patch-names': 'a record whose "a.b" was taken away',
      'storage/patch-prune': 'what prune resolves to',
      'storage/save-replaces': 'get after the second save',
      'storage/savemany': 'a record that was there before',
    },
  },
]

function deepNumbers(value: unknown, change: (number: number) => unknown): unknown {
  if (typeof value === 'number') return change(value)
  if (Array.isArray(value)) return value.map((item) => deepNumbers(item, change))
  if (!isPlain(value) || Object.getPrototypeOf(value) !== Object.prototype) return value
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [key, typeof item === 'number' ? change(item) : item]),
  )
}
