/**
 * Schedules and their last execution on any IStorageEngine.
 *
 *     schedule        name → the record, fenced by `rev`
 *     schedule-last   name → { due, rev }: the latest due instant that ran
 *     schedule-meta   "written" → the marker that tells *empty* from *never written*
 *
 * Every write of a schedule is a compare-and-set, also where the caller did not ask for one, so that nobody who has read an earlier
 * form can write over it. Where the storage has no compare-and-set the weaker way of `compareAndSetOf` stands in.
 */
import type { ScheduleRecord, ScheduleState, ScheduleStore } from '../contracts/schedule-store.ts'
import type { IStorageEngine } from '../contracts/storage-engine.ts'
import { ScheduleNotFoundError } from '../errors/sched-error.ts'
import { CoalescingRecords } from './coalescing.ts'
import { compareAndSetOf, type Fenced } from './schedule-fencing.ts'

const SCHEDULES = 'schedule'
const LAST_EXECUTIONS = 'schedule-last'
const META = 'schedule-meta'
const MARKER = 'written'
const PAGE_SIZE = 500

interface LastExecution extends Fenced {
  readonly name: string
  readonly due: number
}

export interface StorageScheduleStoreOptions {
  /** The storage server's clock, epoch milliseconds: new records start their `rev` there, so that none ever repeats for a name. */
  readonly now: () => number
}

export class StorageScheduleStore implements ScheduleStore {
  readonly #storage: IStorageEngine
  readonly #schedules: CoalescingRecords<ScheduleRecord>
  readonly #executions: CoalescingRecords<LastExecution>
  readonly #now: () => number

  constructor(storage: IStorageEngine, options: StorageScheduleStoreOptions) {
    this.#storage = storage
    const compareAndSet = compareAndSetOf(storage)
    this.#schedules = new CoalescingRecords(storage, SCHEDULES, compareAndSet)
    this.#executions = new CoalescingRecords(storage, LAST_EXECUTIONS, compareAndSet)
    this.#now = options.now
  }

  async add(schedule: ScheduleRecord): Promise<void> {
    for (;;) {
      const stored = await this.get(schedule.name)
      if (await this.compareAndSet(schedule.name, stored?.rev ?? null, schedule)) return
    }
  }

  async update(schedule: ScheduleRecord): Promise<void> {
    await this.#change(schedule.name, () => schedule)
  }

  async setState(name: string, state: ScheduleState): Promise<void> {
    await this.#change(name, (stored) => {
      if (stored.state === state) return undefined
      return { ...stored, state, next: null, updatedAt: Math.round(this.#now()) }
    })
  }

  async delete(name: string): Promise<void> {
    await this.#storage.delete(SCHEDULES, name)
    await this.#storage.delete(LAST_EXECUTIONS, name)
  }

  get(name: string): Promise<ScheduleRecord | null> {
    return this.#schedules.get(name)
  }

  async list(): Promise<readonly ScheduleRecord[] | null> {
    const schedules: ScheduleRecord[] = []
    for await (const schedule of this.#all<ScheduleRecord>(SCHEDULES)) schedules.push(schedule)
    if (schedules.length > 0) return schedules
    return (await this.#storage.get(META, MARKER)) === null ? null : schedules
  }

  async compareAndSet(name: string, expectedRev: number | null, schedule: ScheduleRecord): Promise<boolean> {
    const rev = expectedRev === null ? Math.floor(this.#now() * 1000) : expectedRev + 1
    const value = { ...schedule, name, rev }
    const stored = await this.#schedules.compareAndSet({ id: name, expectedRev, value })
    // after the record: a crash in between leaves a schedule that `list` finds all the same
    if (stored && expectedRev === null)
      await this.#storage.save(META, MARKER, { at: Math.round(this.#now()) })
    return stored
  }

  async lastExecution(name: string): Promise<number | null> {
    return (await this.#executions.get(name))?.due ?? null
  }

  async setLastExecution(name: string, due: number): Promise<void> {
    for (;;) {
      const stored = await this.#executions.get(name)
      if (stored !== null && stored.due >= due) return
      const rev = stored === null ? Math.floor(this.#now() * 1000) : stored.rev + 1
      const expectedRev = stored?.rev ?? null
      if (await this.#executions.compareAndSet({ id: name, expectedRev, value: { name, due, rev } })) return
    }
  }

  async purge(): Promise<void> {
    for (const namespace of [SCHEDULES, LAST_EXECUTIONS]) {
      const names: string[] = []
      for await (const { name } of this.#all<{ name: string }>(namespace)) names.push(name)
      for (const name of names) await this.#storage.delete(namespace, name)
    }
    await this.#storage.delete(META, MARKER)
  }

  /** Every record of a namespace in id order, page by page; by offset where the storage has no `page`. */
  async *#all<T>(namespace: string): AsyncGenerator<T> {
    let after: string | undefined
    for (let offset = 0; ; offset += PAGE_SIZE) {
      const limit = PAGE_SIZE
      let values: readonly T[]
      if (this.#storage.page) {
        const page = await this.#storage.page<T>(
          namespace,
          undefined,
          after === undefined ? { limit } : { limit, after },
        )
        after = page.at(-1)?.id
        values = page.map((record) => record.value)
      } else values = await this.#storage.list<T>(namespace, undefined, { limit, offset })
      yield* values
      if (values.length < limit) return
    }
  }

  async #change(name: string, change: (stored: ScheduleRecord) => ScheduleRecord | undefined): Promise<void> {
    for (;;) {
      const stored = await this.get(name)
      if (stored === null) throw new ScheduleNotFoundError(name)
      const changed = change(stored)
      if (changed === undefined || (await this.compareAndSet(name, stored.rev, changed))) return
    }
  }
}

/**
 * Replaces an existing schedule: by `update`, or, in a store without it, by delete and add, its last execution kept.
 */
export async function updateSchedule(store: ScheduleStore, schedule: ScheduleRecord): Promise<void> {
  if (store.update) return store.update(schedule)
  const last = await store.lastExecution(schedule.name)
  await store.delete(schedule.name)
  await store.add(schedule)
  if (last !== null) await store.setLastExecution(schedule.name, last)
}
