import { describe, expect, it } from 'vitest'
import { MAX_BATCH } from '../contracts/job-store.ts'
import type { CompareAndSetItem, IStorageEngine } from '../contracts/storage-engine.ts'
import { UnavailableError, ValueTooLargeError } from '../errors/sched-error.ts'
import { Coalescer, CoalescingRecords } from './coalescing.ts'
import { BareMapStorage, MapStorage } from './map-storage.test-support.ts'

/** A place to send batches, answered by hand. */
function post<Answer>(answer: (items: readonly string[]) => Answer[]) {
  const sent: string[][] = []
  const release: (() => void)[] = []
  const coalescer = new Coalescer<string, Answer>(
    async (items) => {
      sent.push([...items])
      await new Promise<void>((resolve) => release.push(resolve))
      return answer(items)
    },
    (item) => item,
  )
  const next = async () => {
    release.shift()!()
    await new Promise((resolve) => setImmediate(resolve))
  }
  return { coalescer, sent, next }
}

describe('Coalescer', () => {
  it('sends a lone item at once, and what comes meanwhile together, each with its own answer', async () => {
    const { coalescer, sent, next } = post((items) => items.map((item) => item.toUpperCase()))
    const answers = ['a', 'b', 'c'].map((item) => coalescer.add(item))
    expect(sent).toEqual([['a']])
    await next()
    expect(sent).toEqual([['a'], ['b', 'c']])
    await next()
    expect(await Promise.all(answers)).toEqual(['A', 'B', 'C'])
  })

  it('never puts two items of one key into one batch, and keeps their order', async () => {
    const { coalescer, sent, next } = post((items) => [...items])
    const all = ['x', 'a', 'b', 'a', 'a'].map((item) => coalescer.add(item))
    for (let i = 0; i < 4; i++) await next()
    expect(sent).toEqual([['x'], ['a', 'b'], ['a'], ['a']])
    expect(await Promise.all(all)).toEqual(['x', 'a', 'b', 'a', 'a'])
  })

  it('keeps to the largest batch', async () => {
    const { coalescer, sent, next } = post((items) => [...items])
    const all = Array.from({ length: MAX_BATCH + 2 }, (_, i) => coalescer.add(String(i)))
    for (let i = 0; i < 3; i++) await next()
    expect(sent.map((batch) => batch.length)).toEqual([1, MAX_BATCH, 1])
    await Promise.all(all)
  })

  it('lets one refused value fail alone, and what is down fail for all, once', async () => {
    const sent: number[] = []
    let down = false
    const coalescer = new Coalescer<string, string>(
      async (items) => {
        sent.push(items.length)
        await new Promise((resolve) => setImmediate(resolve))
        if (down) throw new UnavailableError('down')
        if (items.includes('big')) throw new ValueTooLargeError('value', 9, 8)
        return [...items]
      },
      (item) => item,
    )
    const settle = (items: string[]) => Promise.allSettled(items.map((item) => coalescer.add(item)))
    expect((await settle(['a', 'b', 'big', 'c'])).map(({ status }) => status)).toEqual([
      'fulfilled',
      'fulfilled',
      'rejected',
      'fulfilled',
    ])
    expect(sent).toEqual([1, 3, 1, 1, 1])
    await new Promise((resolve) => setImmediate(resolve))
    down = true
    sent.length = 0
    const answers = await settle(['a', 'b', 'c'])
    expect(answers.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected'])
    expect(sent).toEqual([1, 2])
    down = false
    expect(await coalescer.add('a')).toBe('a')
  })
})

/** Map storage with the batch methods, and a count of calls. */
class BatchStorage extends MapStorage {
  readonly calls: string[] = []
  override get<T>(namespace: string, id: string): Promise<T | null> {
    this.calls.push('get')
    return super.get(namespace, id)
  }
  async getMany<T>(namespace: string, ids: readonly string[]): Promise<(T | null)[]> {
    this.calls.push(`getMany ${ids.length}`)
    await this.turn()
    return ids.map((id) => (this.of(namespace).get(id) as T | undefined) ?? null)
  }
  async compareAndSetMany<T>(namespace: string, items: readonly CompareAndSetItem<T>[]): Promise<boolean[]> {
    this.calls.push(`compareAndSetMany ${items.length}`)
    return Promise.all(
      items.map(({ id, expectedRev, value }) => this.compareAndSet(namespace, id, expectedRev, value)),
    )
  }
  async deleteMany(namespace: string, ids: readonly string[]): Promise<number> {
    this.calls.push(`deleteMany ${ids.length}`)
    await this.turn()
    return ids.filter((id) => this.of(namespace).delete(id)).length
  }
}

describe('CoalescingRecords', () => {
  const over = (storage: IStorageEngine) =>
    new CoalescingRecords<{ rev: number }>(storage, 'n', async (namespace, id, expectedRev, value) =>
      storage.compareAndSet!(namespace, id, expectedRev, value),
    )

  it('batches what comes at once', async () => {
    const storage = new BatchStorage()
    const records = over(storage)
    const ids = ['a', 'b', 'c', 'd']
    const set = (expectedRev: number | null, rev: number) =>
      Promise.all(ids.map((id) => records.compareAndSet({ id, expectedRev, value: { rev } })))
    expect(await set(null, 1)).toEqual([true, true, true, true])
    expect(await set(null, 1)).toEqual([false, false, false, false])
    expect(await Promise.all([...ids, 'e'].map((id) => records.get(id)))).toEqual([
      ...ids.map(() => ({ rev: 1 })),
      null,
    ])
    await Promise.all(ids.map((id) => records.delete(id)))
    expect(storage.of('n').size).toBe(0)
    expect(storage.calls).toEqual([
      'compareAndSetMany 3',
      'compareAndSetMany 3',
      'get',
      'getMany 4',
      'deleteMany 3',
    ])
  })

  it('calls one by one where the storage has no batches', async () => {
    const storage = new BareMapStorage()
    await storage.save('n', 'a', { rev: 1 })
    const records = over(storage)
    expect(await Promise.all(['a', 'b'].map((id) => records.get(id)))).toEqual([{ rev: 1 }, null])
    await records.delete('a')
    expect(storage.of('n').size).toBe(0)
  })
})
