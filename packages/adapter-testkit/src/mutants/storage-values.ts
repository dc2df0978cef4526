/** Mistakes in how a storage keeps values and tells records apart. */
import { copyValue } from '@sched/core/adapter'
import { ModelStorage, type Row } from '../model/storage.ts'
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

/** Keeps records under keys made by `key`. */
function keyed(key: (namespace: string, id: string) => string): Mutant['parts'] {
  return {
    storage: (node) =>
      new (class extends ModelStorage {
        protected override key(namespace: string, id: string): string {
          return key(namespace, id)
        }
      })(node),
  }
}

/** Takes the rows of a namespace by `belongs`. */
function scans(belongs: (row: Row, namespace: string) => boolean): Mutant['parts'] {
  return {
    storage: (node) =>
      new (class extends ModelStorage {
        protected override rowsOf(namespace: string): Row[] {
          return [...this.space.rows.values()].filter((row) => belongs(row, namespace))
        }
      })(node),
  }
}

export const storageValueMutants: readonly Mutant[] = [
  {
    mistake: '`[]` becomes `{}`',
    parts: stores((value) => (Array.isArray(value) && value.length === 0 ? {} : value)),
    fails: {},
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
    fails: {},
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
    fails: {},
  },
  {
    mistake: 'a Date comes back as text',
    parts: stores((value) => (value instanceof Date ? value.toISOString() : value)),
    fails: {},
  },
  {
    mistake: 'a Date loses its milliseconds',
    parts: stores((value) =>
      value instanceof Date ? new Date(Math.floor(value.getTime() / 1000) * 1000) : value,
    ),
    fails: {},
  },
  {
    mistake: 'text that looks like a date becomes one',
    parts: stores((value) =>
      typeof value === 'string' && /^\d{4}-\d\d-\d\dT[\d:.]+Z$/.test(value) ? new Date(value) : value,
    ),
    fails: {},
  },
  {
    mistake: 'an object that looks like the encoding of a Date becomes one',
    parts: stores((value) =>
      isPlain(value) && Object.keys(value).length === 1 && typeof value.$date === 'number'
        ? new Date(value.$date)
        : value,
    ),
    fails: {},
  },
  {
    mistake: 'null drops like undefined',
    parts: stores((value) => {
      if (!isPlain(value)) return value
      const kept: Json = {}
      for (const [key, item] of Object.entries(value)) if (item !== null) define(kept, key, item)
      return kept
    }),
    fails: {},
  },
  {
    mistake: 'undefined is kept as null',
    parts: accepts((value) =>
      isPlain(value)
        ? Object.fromEntries(Object.entries(value).map(([key, item]) => [key, item ?? null]))
        : value,
    ),
    fails: {},
  },
  {
    mistake: 'NaN and Infinity become null, as JSON.stringify has it',
    parts: accepts((value) => deepNumbers(value, (number) => (Number.isFinite(number) ? number : null))),
    fails: {},
  },
  {
    mistake: 'numbers go through 32-bit floats',
    parts: stores((value) => (typeof value === 'number' ? Math.fround(value) : value)),
    fails: {},
  },
  {
    mistake: 'NUL characters are cut out of text',
    parts: stores((value) => (typeof value === 'string' ? value.replaceAll('\0', '') : value)),
    fails: {},
  },
  {
    mistake: '`__proto__` is assigned instead of defined',
    parts: stores((value) => {
      if (!isPlain(value)) return value
      const result: Json = {}
      for (const key of Object.keys(value)) result[key] = value[key]
      return result
    }),
    fails: {},
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
    fails: {},
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
    fails: {},
  },
  {
    mistake: 'colon-joined keys',
    parts: keyed((namespace, id) => `${namespace}:${id}`),
    fails: {},
  },
  {
    mistake: 'the namespace is not part of the key',
    parts: keyed((_namespace, id) => id),
    fails: {},
  },
  {
    mistake: 'ids are compared without regard to case',
    parts: keyed((namespace, id) => JSON.stringify([namespace, id.toLowerCase()])),
    fails: {},
  },
  {
    mistake: 'ids are normalised',
    parts: keyed((namespace, id) => JSON.stringify([namespace, id.normalize('NFC')])),
    fails: {},
  },
  {
    mistake: 'long ids are cut off',
    parts: keyed((namespace, id) => JSON.stringify([namespace, id.slice(0, 255)])),
    fails: {},
  },
  {
    mistake: 'trailing spaces of ids do not count',
    parts: keyed((namespace, id) => JSON.stringify([namespace, id.trimEnd()])),
    fails: {},
  },
  {
    mistake: 'a namespace is scanned by prefix',
    parts: scans((row, namespace) => row.namespace.startsWith(namespace)),
    fails: {},
  },
  {
    mistake: 'a namespace is scanned with LIKE, its wildcards not escaped',
    parts: scans((row, namespace) => like(namespace).test(row.namespace)),
    fails: {},
  },
  {
    mistake: 'a namespace is scanned with a glob, its wildcards not escaped',
    parts: scans((row, namespace) => glob(namespace).test(row.namespace)),
    fails: {},
  },
  {
    mistake: 'sentinel row collides',
    parts: {
      storage: (node) =>
        new (class extends ModelStorage {
          protected override rowsOf(namespace: string): Row[] {
            return super.rowsOf(namespace).filter((row) => row.id !== '__meta__')
          }
        })(node),
    },
    fails: {},
  },
  {
    mistake: 'a row of its own lies among the records',
    parts: {
      storage: (node) =>
        new (class extends ModelStorage {
          override async index(namespace: string, fields: readonly string[]): Promise<void> {
            await this.step(() => this.put(namespace, '$indexes', { fields: [...fields] }))
          }
        })(node),
    },
    fails: {},
  },
  {
    mistake: 'empty ids are accepted',
    parts: {
      storage: (node) =>
        new (class extends ModelStorage {
          protected override checkKey(namespace: string, id: string): void {
            super.checkKey(namespace, id === '' ? 'empty' : id)
          }
        })(node),
    },
    fails: {},
  },
  {
    mistake: 'deleting a missing id is an error',
    parts: {
      storage: (node) =>
        new (class extends ModelStorage {
          override async delete(namespace: string, id: string): Promise<void> {
            this.checkKey(namespace, id)
            await this.step(() => {
              if (!this.drop(namespace, id)) throw new Error(`no record ${id}`)
            })
          }
        })(node),
    },
    fails: {},
  },
  {
    mistake: 'get of a missing id gives undefined',
    parts: {
      storage: (node) =>
        new (class extends ModelStorage {
          override async get<T>(namespace: string, id: string): Promise<T | null> {
            return (await super.get<T>(namespace, id)) ?? (undefined as T | null)
          }
        })(node),
    },
    fails: {},
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

function like(pattern: string): RegExp {
  return wildcards(pattern, /[%_]/g, { '%': '.*', _: '.' })
}

function glob(pattern: string): RegExp {
  return wildcards(pattern, /[*?]/g, { '*': '.*', '?': '.' })
}

function wildcards(pattern: string, which: RegExp, meaning: Readonly<Record<string, string>>): RegExp {
  let source = ''
  let from = 0
  for (const match of pattern.matchAll(which)) {
    source += quote(pattern.slice(from, match.index)) + (meaning[match[0]] ?? '')
    from = match.index + match[0].length
  }
  return new RegExp(`^${source}${quote(pattern.slice(from))}$`, 's')
}

function quote(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&')
}
