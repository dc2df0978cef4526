import { describe, expect, test } from 'vitest'
import type { IStorageEngine } from '../../contracts/storage-engine.ts'
import { ValueUnserializableError } from '../../errors/sched-error.ts'
import { ManualClock } from '../../values/manual-clock.ts'
import { RecordTable, type Row, Unreadable } from './record-table.ts'
import { StorageHealth } from './storage-health.ts'

interface Thing extends Row {
  readonly text: string
}

/** The single calls over a map, of which `bad` cannot be decoded. */
function mapStorage(): IStorageEngine & { readonly records: Map<string, Thing> } {
  const records = new Map<string, Thing>()
  const decode = (id: string): Thing | null => {
    if (id === 'bad') throw new ValueUnserializableError('bad', 'not valid JSON')
    return records.get(id) ?? null
  }
  return {
    records,
    save: async (_, id, value) => void records.set(id, value as Thing),
    get: async <T>(_: string, id: string) => decode(id) as T | null,
    list: async <T>(_: string, __: unknown, { limit = 99, offset = 0 } = {}) =>
      [...records.keys()]
        .sort()
        .slice(offset, offset + limit)
        .map((id) => records.get(id)) as T[],
    delete: async (_, id) => void records.delete(id),
    prune: async () => 0,
    count: async () => records.size,
  }
}

function fenced(): ReturnType<typeof mapStorage> {
  const storage = mapStorage()
  return Object.assign(storage, {
    compareAndSet: async <T>(_: string, id: string, expectedRev: number | null, value: T) => {
      const found = storage.records.get(id)
      if ((found?.rev ?? null) !== expectedRev) return false
      storage.records.set(id, value as Thing)
      return true
    },
  })
}

function tableOf(storage: IStorageEngine): RecordTable<Thing> {
  return new RecordTable<Thing>(storage, 'things', new StorageHealth(new ManualClock()))
}

const thing = (id: string, rev: number, text = id): Thing => ({ id, rev, text })

describe('a table of records', () => {
  test('inserts what is not there, and replaces what is at the rev before', async () => {
    const table = tableOf(fenced())
    expect(table.fenced).toBe(true)
    expect(await table.insert([thing('a', 5), thing('b', 5)])).toEqual([true, true])
    expect(await table.insert([thing('a', 9), thing('c', 9)])).toEqual([false, true])
    expect(await table.replace([thing('a', 6), thing('b', 5), thing('d', 2)])).toEqual([true, false, false])
    expect(await table.read(['b', 'a', 'x'])).toEqual([thing('b', 5), thing('a', 6), null])
  })

  test('reads past a record that cannot be decoded, also when the batch fails for it', async () => {
    const storage = fenced()
    const table = tableOf(
      Object.assign(storage, {
        getMany: async () => Promise.reject(new ValueUnserializableError('bad', 'not valid JSON')),
      }),
    )
    await table.insert([thing('a', 1)])
    const [bad, a] = await table.read(['bad', 'a'])
    expect(bad).toBeInstanceOf(Unreadable)
    expect(a).toEqual(thing('a', 1))
  })

  test('pages by offset where the storage has no pages', async () => {
    const table = tableOf(fenced())
    await table.insert(['a', 'b', 'c'].map((id) => thing(id, 1)))
    const first = await table.page(undefined, 2, null)
    expect(first.rows.map(({ id }) => id)).toEqual(['a', 'b'])
    const second = await table.page(undefined, 2, first.next)
    expect(second).toEqual({ rows: [thing('c', 1)], next: null })
  })

  test('without compare-and-set still looks before it inserts', async () => {
    const table = tableOf(mapStorage())
    expect(table.fenced).toBe(false)
    expect(await table.insert([thing('a', 1)])).toEqual([true])
    expect(await table.insert([thing('a', 2), thing('b', 2)])).toEqual([false, true])
    expect(await table.replace([thing('a', 7)])).toEqual([true])
    expect(await table.read(['a'])).toEqual([thing('a', 7)])
  })

  test('writes more than a call takes in several', async () => {
    const sizes: number[] = []
    const storage = Object.assign(fenced(), {
      compareAndSetMany: async (_: string, items: readonly { id: string }[]) => {
        sizes.push(items.length)
        return items.map(({ id }) => id !== 'id-1500')
      },
    })
    const rows = Array.from({ length: 2_002 }, (_, index) => thing(`id-${index}`, 1))
    const answers = await tableOf(storage).replace(rows)
    expect(sizes).toEqual([1_000, 1_000, 2])
    expect(answers.flatMap((answer, index) => (answer ? [] : [index]))).toEqual([1_500])
  })

  test('has no transactions where the storage has none', () => {
    expect(() => tableOf(fenced()).within('tx')).toThrow('this storage adapter has no `within`')
  })
})
