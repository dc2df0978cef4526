/** Mistakes in a schedule store. */
import type { ScheduleRecord, ScheduleState } from '@sched/core/adapter'
import { ModelScheduleStore } from '../model/schedule-store.ts'
import type { Mutant } from './mutant.ts'

function schedules(make: (base: typeof ModelScheduleStore) => typeof ModelScheduleStore): Mutant['parts'] {
  const Broken = make(ModelScheduleStore)
  return { scheduleStore: (node) => new Broken(node) }
}

export const scheduleStoreMutants: readonly Mutant[] = [
  {
    mistake: 'never written and empty look the same',
    parts: schedules(
      (Base) =>
        class extends Base {
          override async list(): Promise<readonly ScheduleRecord[] | null> {
            return (await super.list()) ?? []
          }
        },
    ),
    fails: {
      'schedule-store/never-written': 'list before anything was written is null',
      'schedule-store/purged': 'list after purge is null',
    },
  },
  {
    mistake: 'empty counts as never written',
    parts: schedules(
      (Base) =>
        class extends Base {
          override async list(): Promise<readonly ScheduleRecord[] | null> {
            const list = await super.list()
            return list?.length === 0 ? null : list
          }
        },
    ),
    fails: {
      'schedule-store/written-empty': 'the names after the last was deleted',
    },
  },
  {
    mistake: 'purge keeps the marker',
    parts: schedules(
      (Base) =>
        class extends Base {
          protected override forgetAll(): void {
            super.forgetAll()
            this.table.written = true
          }
        },
    ),
    fails: {
      'schedule-store/purged': 'list after purge is null',
    },
  },
  {
    mistake: 'delete keeps the last execution',
    parts: schedules(
      (Base) =>
        class extends Base {
          protected override drop(name: string): void {
            this.table.schedules.delete(name)
          }
        },
    ),
    fails: {
      'schedule-store/last-execution-unknown': 'lastExecution of a schedule deleted and added anew',
    },
  },
  {
    mistake: 'the last writer of the last execution wins',
    parts: schedules(
      (Base) =>
        class extends Base {
          protected override isLater(): boolean {
            return true
          }
        },
    ),
    fails: {
      'schedule-store/last-execution-grows': 'lastExecution after an earlier instant',
    },
  },
  {
    mistake: 'an unknown last execution is 0',
    parts: schedules(
      (Base) =>
        class extends Base {
          override async lastExecution(name: string): Promise<number | null> {
            return (await super.lastExecution(name)) ?? 0
          }
        },
    ),
    fails: {
      'schedule-store/last-execution-unknown': 'lastExecution of a schedule that never was is null',
      'schedule-store/purged': 'lastExecution after purge',
    },
  },
  {
    mistake: 'the state of an unknown name is set without a word',
    parts: schedules(
      (Base) =>
        class extends Base {
          override async setState(name: string, state: ScheduleState): Promise<void> {
            if ((await this.get(name)) !== null) await super.setState(name, state)
          }
        },
    ),
    fails: {
      'schedule-store/state': 'setState of an unknown name',
    },
  },
  {
    mistake: 'the rev is compared first and the schedule written later',
    parts: schedules(
      (Base) =>
        class extends Base {
          override async compareAndSet(
            name: string,
            expectedRev: number | null,
            schedule: ScheduleRecord,
          ): Promise<boolean> {
            const stored = await this.get(name)
            if ((stored?.rev ?? null) !== expectedRev) return false
            await this.add(schedule)
            return true
          }
        },
    ),
    fails: {
      'schedule-store/compare-and-set': 'how many of four compareAndSet with the same rev stored',
    },
  },
]
