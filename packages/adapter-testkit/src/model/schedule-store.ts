/** The schedule store of the model: a map of schedules, a map of last executions, and whether anything was ever written. */
import {
  copyValue,
  ScheduleNotFoundError,
  type ScheduleRecord,
  type ScheduleState,
  type ScheduleStore,
} from '@sched/core/adapter'
import { compareText } from './filter.ts'
import type { ScheduleTable } from './rows.ts'
import { ModelAdapter } from './server.ts'

export class ModelScheduleStore extends ModelAdapter implements ScheduleStore {
  protected readonly what: string = 'the model schedule store'

  async add(schedule: ScheduleRecord): Promise<void> {
    await this.step(() => this.put(schedule))
  }

  async delete(name: string): Promise<void> {
    await this.step(() => this.drop(name))
  }

  async get(name: string): Promise<ScheduleRecord | null> {
    return await this.step(() => copyValue(this.table.schedules.get(name) ?? null))
  }

  async list(): Promise<readonly ScheduleRecord[] | null> {
    return await this.step(() => {
      if (!this.table.written) return null
      return copyValue([...this.table.schedules.values()].sort((a, b) => compareText(a.name, b.name)))
    })
  }

  async update(schedule: ScheduleRecord): Promise<void> {
    await this.step(() => {
      this.known(schedule.name)
      this.put(schedule)
    })
  }

  async setState(name: string, state: ScheduleState): Promise<void> {
    await this.step(() => this.put({ ...this.known(name), state, next: null }))
  }

  async compareAndSet(name: string, expectedRev: number | null, schedule: ScheduleRecord): Promise<boolean> {
    return await this.step(() => {
      if (this.revOf(name) !== expectedRev) return false
      this.put({ ...schedule, name })
      return true
    })
  }

  async lastExecution(name: string): Promise<number | null> {
    return await this.step(() => this.table.last.get(name) ?? null)
  }

  async setLastExecution(name: string, due: number): Promise<void> {
    await this.step(() => {
      if (this.isLater(due, this.table.last.get(name))) this.table.last.set(name, due)
    })
  }

  async purge(): Promise<void> {
    await this.step(() => this.forgetAll())
  }

  protected get table(): ScheduleTable {
    this.space.schedules ??= { schedules: new Map(), last: new Map(), written: false }
    return this.space.schedules
  }

  protected put(schedule: ScheduleRecord): void {
    const rev = (this.revOf(schedule.name) ?? this.serverNow() * 1000) + 1
    this.table.schedules.set(schedule.name, copyValue({ ...schedule, rev }))
    this.table.written = true
  }

  protected drop(name: string): void {
    this.table.schedules.delete(name)
    this.table.last.delete(name)
  }

  protected forgetAll(): void {
    this.table.schedules.clear()
    this.table.last.clear()
    this.table.written = false
  }

  protected isLater(due: number, last: number | undefined): boolean {
    return last === undefined || due > last
  }

  protected known(name: string): ScheduleRecord {
    const stored = this.table.schedules.get(name)
    if (stored === undefined) throw new ScheduleNotFoundError(name)
    return stored
  }

  protected revOf(name: string): number | null {
    return this.table.schedules.get(name)?.rev ?? null
  }
}
