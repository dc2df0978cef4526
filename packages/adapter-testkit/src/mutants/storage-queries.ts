/** Mistakes in how a storage filters, orders, pages, prunes and compares. */
import { equalValues, type Filter, type ListOptions, type StoredRecord } from '@sched/core/adapter'
import { MISSING, RowRules } from '../model/filter.ts'
import { ModelStorage, type Row } from '../model/storage.ts'
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
    fails: {},
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
    fails: {},
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
    fails: {},
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
    fails: {},
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
    fails: {},
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
    fails: {},
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
    fails: {},
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
    fails: {},
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
    fails: {},
  },
  {
    mistake: 'an unknown operator is ignored',
    parts: storage(
      (Base) =>
        class extends Base {
          protected override checkQuery(): void {}
        },
    ),
    fails: {},
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
    fails: {},
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
    fails: {},
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
    fails: {},
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
    fails: {},
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
    fails: {},
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
    fails: {},
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
    fails: {},
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
    fails: {},
  },
  {
    mistake: 'a page starts at its cursor instead of after it',
    parts: storage(
      (Base) =>
        class extends Base {
          override async page<T>(
            namespace: string,
            filter: Filter | undefined,
            { limit, after }: { readonly limit: number; readonly after?: string },
          ): Promise<StoredRecord<T>[]> {
            const all = await super.page<T>(namespace, filter, { limit: Number.MAX_SAFE_INTEGER })
            const from = after === undefined ? 0 : all.findIndex((record) => record.id === after)
            return all.slice(Math.max(0, from)).slice(0, limit)
          }
        },
    ),
    fails: {},
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
    fails: {},
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
    fails: {},
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
    fails: {},
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
    fails: {},
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
    fails: {},
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
    fails: {},
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
    fails: {},
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
    fails: {},
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
    fails: {},
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
    fails: {},
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
    fails: {},
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
    fails: {},
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
    fails: {},
  },
  {
    mistake: 'now is seconds',
    parts: storage(
      (Base) =>
        class extends Base {
          override async now(): Promise<number> {
            return Math.floor((await super.now()) / 1000)
          }
        },
    ),
    fails: {},
  },
]
