import type { Row } from '../model/rows.ts'
import { ModelStorage } from '../model/storage.ts'
import type { Mutant } from './mutant.ts'

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

/** Takes as the rows of a namespace those that `belongs` to it. */
function scans(belongs: (namespace: string) => (row: Row) => boolean): Mutant['parts'] {
  return {
    storage: (node) =>
      new (class extends ModelStorage {
        protected override rowsOf(namespace: string): Row[] {
          return [...this.space.rows.values()].filter(belongs(namespace))
        }
      })(node),
  }
}

export const storageKeyMutants: readonly Mutant[] = [
  {
    mistake: 'colon-joined keys',
    parts: keyed((namespace, id) => `${namespace}:${id}`),
    fails: {
      'storage/separator-collision': 'get of "c" in "n0:b"',
    },
  },
  {
    mistake: 'the namespace is not part of the key',
    parts: keyed((_namespace, id) => id),
    fails: {
      'job-store/pause-resume': 'insert of running, waiting, note',
      'model/patches': 'get of b',
      'model/storage': 'compareAndSet expecting null',
      'schedule-store/update-fallback': 'get after an update by delete and add',
      'storage/case-sensitive': 'list of the namespace "ns"',
      'storage/count-filter': 'count without a filter',
      'storage/delete-missing': 'another record after both',
      'storage/glob-meta': 'list of the namespace "jobs*"',
      'storage/id-512B': 'count',
      'storage/missing-null': 'get of an id that only another namespace has is null',
      'storage/ns-isolated': 'get in the first namespace',
      'storage/ns-isolated-batches': 'page of the first',
      'storage/prefix-sibling': 'list of the namespace "jobs"',
      'storage/reserved-sentinel': 'list of the namespace "__meta__"',
      'storage/separator-collision': 'get of "c" in "n0:b"',
      'storage/sql-wildcard': 'list of the namespace "j_bs"',
      'storage/unicode-id': 'list of the namespace "a"',
    },
  },
  {
    mistake: 'ids are compared without regard to case',
    parts: keyed((namespace, id) => JSON.stringify([namespace, id.toLowerCase()])),
    fails: {
      'model/storage': 'compareAndSet expecting null',
      'schedule-store/roundtrip': 'get of the name in capitals',
      'storage/case-sensitive': 'get of the id "job"',
      'storage/cursor-complete': 'ids seen with pages of 1',
      'storage/filter-range': 'the ids listed by $gte of text',
      'storage/nfc-nfd-distinct': 'get of the id "Å"',
      'storage/text-by-bytes': 'ids in the default order',
    },
  },
  {
    mistake: 'ids are normalised',
    parts: keyed((namespace, id) => JSON.stringify([namespace, id.normalize('NFC')])),
    fails: {
      'storage/nfc-nfd-distinct': 'get of the id "café"',
      'storage/unicode-id': 'get of the id "ä"',
    },
  },
  {
    mistake: 'long ids are cut off',
    parts: keyed((namespace, id) => JSON.stringify([namespace, id.slice(0, 255)])),
    fails: {
      'storage/id-512B': 'get of an id of 1024 bytes (ascii)',
    },
  },
  {
    mistake: 'trailing spaces of ids do not count',
    parts: keyed((namespace, id) => JSON.stringify([namespace, id.trimEnd()])),
    fails: {
      'storage/unicode-id': 'get of the id "a"',
    },
  },
  {
    mistake: 'a namespace is scanned by prefix',
    parts: scans((namespace) => (row) => row.namespace.startsWith(namespace)),
    fails: {
      'schedule-store/delete-missing': 'the names left',
      'schedule-store/never-written': 'the names another node lists after add',
      'schedule-store/purged':
        'an unexpected InvalidArgumentError INVALID_ARGUMENT: id must be a string, not undefined',
      'schedule-store/roundtrip': 'list after add',
      'schedule-store/state': 'the names after that',
      'schedule-store/written-empty': 'the names after one of two was deleted',
      'storage/glob-meta': 'list of the namespace "jobs"',
      'storage/prefix-sibling': 'list of the namespace "jobs"',
      'storage/reserved-sentinel': 'list of the namespace "__meta"',
      'storage/separator-collision': 'list of "n0:b"',
      'storage/unicode-id': 'list of the namespace "a"',
    },
  },
  {
    mistake: 'a namespace is scanned with LIKE, its wildcards not escaped',
    parts: scans((namespace) => matching(like(namespace))),
    fails: {
      'storage/reserved-sentinel': 'list of the namespace "_meta"',
      'storage/separator-collision': 'list of "n9%3A"',
      'storage/sql-wildcard': 'list of the namespace "j_bs"',
    },
  },
  {
    mistake: 'a namespace is scanned with a glob, its wildcards not escaped',
    parts: scans((namespace) => matching(glob(namespace))),
    fails: {
      'storage/glob-meta': 'list of the namespace "jobs*"',
      'storage/reserved-sentinel': 'list of the namespace "*"',
      'storage/sql-wildcard': 'list of the namespace "?"',
    },
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
    fails: {
      'storage/reserved-sentinel': 'count',
    },
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
    fails: {
      'storage/index-is-a-hint': 'ids by $ne of an indexed field',
      'storage/reserved-sentinel': 'list of a namespace in which nothing was saved',
    },
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
    fails: {
      'storage/empty-id-rejected': 'save with the id ""',
    },
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
    fails: {
      'lin/cas': 'an unexpected Error: no record a',
      'model/storage': 'an unexpected Error: no record a',
      'schedule-store/delete-missing': 'delete of an unknown name',
      'schedule-store/never-written': 'an unexpected Error: no record a',
      'schedule-store/purged': 'an unexpected Error: no record written',
      'schedule-store/written-empty': 'an unexpected Error: no record a',
      'storage/cursor-under-delete': 'an unexpected Error: no record r',
      'storage/delete-missing': 'delete of a missing id',
    },
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
    fails: {
      'model/hybrid':
        'an unexpected ValueUnserializableError VALUE_UNSERIALIZABLE: value: undefined cannot be st',
      'model/patches': 'get of b',
      'model/storage': 'get of a',
      'schedule-store/last-execution-grows':
        "an unexpected TypeError: Cannot read properties of undefined (reading 'due')",
      'schedule-store/last-execution-unknown':
        "an unexpected TypeError: Cannot read properties of undefined (reading 'due')",
      'schedule-store/never-written': 'list before anything was written is null',
      'schedule-store/purged': "an unexpected TypeError: Cannot read properties of undefined (reading 'due')",
      'schedule-store/roundtrip': 'get of the name in capitals',
      'schedule-store/state': 'setState of an unknown name',
      'schedule-store/update-fallback':
        "an unexpected TypeError: Cannot read properties of undefined (reading 'due')",
      'storage/cas-deleted': 'get afterwards',
      'storage/cas-missing': 'get afterwards',
      'storage/case-sensitive': 'get of "job" after its delete',
      'storage/delete': 'get after delete',
      'storage/glob-meta': 'get of "*" after its delete',
      'storage/missing-null': 'get of a missing id is null, nothing else',
      'storage/nfc-nfd-distinct': 'get of "café" after its delete',
      'storage/ns-isolated-batches': 'an id that saveMany stored in the other namespace',
      'storage/patch-where': 'the record none afterwards',
      'storage/reserved-sentinel': 'get of "__meta__" after its delete',
      'storage/sql-wildcard': 'get of "%" after its delete',
      'storage/unicode-id': 'get of "a" after its delete',
    },
  },
]

function matching(pattern: RegExp): (row: Row) => boolean {
  return (row) => pattern.test(row.namespace)
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
