/** Mistakes in how a storage orders and pages. */
import type { Filter, ListOptions, StoredRecord } from '@sched/core/adapter'
import { RowRules } from '../model/filter.ts'
import type { Row } from '../model/rows.ts'
import type { Mutant } from './mutant.ts'
import { storage, withRules } from './storage-parts.ts'

export const storageOrderMutants: readonly Mutant[] = [
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
]
