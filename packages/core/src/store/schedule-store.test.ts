import { beforeEach, describe, expect, it } from 'vitest'
import type { ScheduleRecord, ScheduleStore } from '../contracts/schedule-store.ts'
import { ScheduleNotFoundError } from '../errors/sched-error.ts'
import { BareMapStorage, MapStorage } from './map-storage.test-support.ts'
import { StorageScheduleStore, updateSchedule } from './schedule-store.ts'

const record = (name: string, more: Partial<ScheduleRecord> = {}): ScheduleRecord => ({
  name,
  type: 'report',
  payload: { at: new Date(5) },
  scheduleType: 'interval',
  scheduleValue: 60_000,
  timeZone: 'UTC',
  state: 'active',
  next: 61_000,
  passed: null,
  version: 'v1',
  anchor: 1_000,
  createdAt: 1_000,
  updatedAt: 1_000,
  options: {},
  rev: 0,
  ...more,
})

describe.each([
  ['with compare-and-set and pages', () => new MapStorage()],
  ['with the required methods only', () => new BareMapStorage()],
])('StorageScheduleStore on a storage %s', (_, make) => {
  let storage: BareMapStorage
  let store: StorageScheduleStore
  let now: number
  beforeEach(() => {
    storage = make()
    now = 1_000
    store = new StorageScheduleStore(storage, { now: () => now })
  })

  it('tells never written, empty and purged apart', async () => {
    expect(await store.list()).toBeNull()
    await store.add(record('a'))
    expect((await store.list())?.map((one) => one.name)).toEqual(['a'])
    await store.delete('a')
    expect(await store.list()).toEqual([])
    await store.add(record('a'))
    await store.purge()
    expect(await store.list()).toBeNull()
    expect(await store.get('a')).toBeNull()
  })

  it('counts a schedule as written although the marker was lost in a crash', async () => {
    await store.add(record('a'))
    await storage.delete('schedule-meta', 'written')
    expect(await store.list()).toHaveLength(1)
  })

  it('keeps what it is given, and gives copies', async () => {
    await store.add(record('a', { options: { misfire: { kind: 'all' } } }))
    const stored = (await store.get('a'))!
    expect(stored).toEqual({ ...record('a', { options: { misfire: { kind: 'all' } } }), rev: stored.rev })
    ;(stored.payload as { at: Date }).at.setTime(0)
    expect((await store.get('a'))!.payload).toEqual({ at: new Date(5) })
  })

  it('lists beyond one page', async () => {
    const names = Array.from({ length: 1_203 }, (_, i) => `s${String(i).padStart(4, '0')}`)
    await Promise.all(names.map((name) => store.add(record(name))))
    expect((await store.list())?.map((one) => one.name)).toEqual(names)
    await store.purge()
    expect(storage.of('schedule').size).toBe(0)
  })

  it('add replaces, and refuses the write of whoever read the form before', async () => {
    await store.add(record('a'))
    const before = (await store.get('a'))!
    await store.add(record('a', { type: 'other' }))
    expect(await store.compareAndSet('a', before.rev, { ...before, next: 5 })).toBe(false)
    expect((await store.get('a'))!.type).toBe('other')
  })

  it('compare-and-set writes one more than the revision expected, and only then', async () => {
    expect(await store.compareAndSet('a', 0, record('a'))).toBe(false)
    expect(await store.compareAndSet('a', null, record('a'))).toBe(true)
    expect(await store.compareAndSet('a', null, record('a'))).toBe(false)
    const first = (await store.get('a'))!
    expect(first.rev).toBe(1_000_000)
    expect(await store.compareAndSet('a', first.rev, { ...first, rev: 77 })).toBe(true)
    expect((await store.get('a'))!.rev).toBe(first.rev + 1)
    expect(await store.compareAndSet('a', first.rev, first)).toBe(false)
  })

  it('starts a name anew above every revision it had', async () => {
    await store.add(record('a'))
    const old = (await store.get('a'))!
    await store.delete('a')
    now += 1
    await store.add(record('a', { type: 'new' }))
    expect(await store.compareAndSet('a', old.rev, old)).toBe(false)
    expect((await store.get('a'))!.type).toBe('new')
  })

  it('of many writers at once one wins each revision', async () => {
    await store.add(record('a', { next: 0 }))
    const grow = async () => {
      for (let won = 0; won < 5; ) {
        const stored = (await store.get('a'))!
        if (await store.compareAndSet('a', stored.rev, { ...stored, next: stored.next! + 1 })) won++
      }
    }
    await Promise.all(Array.from({ length: 8 }, grow))
    expect((await store.get('a'))!.next).toBe(40)
  })

  it('changes the state and takes back what was next', async () => {
    await store.add(record('a', { passed: 1_000 }))
    now = 2_000
    await store.setState('a', 'inactive')
    expect(await store.get('a')).toMatchObject({
      state: 'inactive',
      next: null,
      passed: 1_000,
      updatedAt: 2_000,
    })
    const { rev } = (await store.get('a'))!
    await store.setState('a', 'inactive')
    expect((await store.get('a'))!.rev).toBe(rev)
    await expect(store.setState('missing', 'active')).rejects.toThrow(ScheduleNotFoundError)
    await expect(store.update(record('missing'))).rejects.toThrow('there is no schedule "missing"')
    await store.delete('missing')
  })

  it('keeps the last execution, which only grows', async () => {
    expect(await store.lastExecution('a')).toBeNull()
    await Promise.all([5, 9, 7, 3, 8].map((due) => store.setLastExecution('a', due)))
    expect(await store.lastExecution('a')).toBe(9)
    await store.setLastExecution('a', 4)
    expect(await store.lastExecution('a')).toBe(9)
    expect(await store.lastExecution('b')).toBeNull()
    await store.delete('a')
    expect(await store.lastExecution('a')).toBeNull()
  })

  it('purges last executions too, also those of deleted schedules', async () => {
    await store.add(record('a'))
    await store.setLastExecution('a', 5)
    await store.setLastExecution('gone', 6)
    await store.purge()
    expect(await store.lastExecution('a')).toBeNull()
    expect(await store.lastExecution('gone')).toBeNull()
  })

  it('updates by update where there is one, else by delete and add with the last execution kept', async () => {
    await store.add(record('a'))
    await store.setLastExecution('a', 5)
    await updateSchedule(store, record('a', { type: 'b' }))
    expect((await store.get('a'))!.type).toBe('b')

    const calls: string[] = []
    const plain: ScheduleStore = new Proxy(store, {
      get: (target, key: keyof StorageScheduleStore) => {
        if (key === 'update') return undefined
        return (...args: never[]) => {
          calls.push(key)
          return (target[key] as (...args: never[]) => unknown).apply(target, args)
        }
      },
    })
    await updateSchedule(plain, record('a', { type: 'c' }))
    expect(calls).toEqual(['lastExecution', 'delete', 'add', 'setLastExecution'])
    expect((await store.get('a'))!.type).toBe('c')
    expect(await store.lastExecution('a')).toBe(5)
  })
})
