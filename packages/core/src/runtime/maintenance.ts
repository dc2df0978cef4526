/** What the leader does: takes back the jobs of dead workers, fails expired ones, prunes finished ones, mends schedules. */
import type { JobStore, SweepReport } from '../contracts/job-store.ts'
import type { Events } from '../telemetry/events.ts'
import type { Clock } from '../values/clock.ts'
import { Periodic } from './periodic.ts'
import { Service } from './service.ts'

export interface MaintenanceParts {
  readonly store: JobStore
  readonly clock: Clock
  readonly events: Events
  readonly sweepMs: number
  readonly schedulesMs: number
  readonly isLeader: () => boolean
  readonly sweepSchedules: () => Promise<unknown>
}

export class Maintenance extends Service {
  readonly #parts: MaintenanceParts
  readonly #sweeps: Periodic
  readonly #schedules: Periodic

  constructor(parts: MaintenanceParts) {
    super()
    this.#parts = parts
    this.#sweeps = new Periodic(parts.clock, () => this.#sweep())
    this.#schedules = new Periodic(parts.clock, () => this.#sweepSchedules())
  }

  protected async onStart(): Promise<void> {
    await Promise.all([this.#sweeps.start(), this.#schedules.start()])
    void this.#sweeps.now()
    void this.#schedules.now()
  }

  protected async onStop(): Promise<void> {
    await Promise.all([this.#sweeps.stop(), this.#schedules.stop()])
  }

  async #sweep(): Promise<number> {
    const { store, events, isLeader, sweepMs } = this.#parts
    try {
      let report: SweepReport
      do {
        if (!isLeader()) break
        report = await store.sweep({})
        events.worked('sweep')
        if (foundSomething(report)) events.emit('sweep', { report })
        // an in-process store answers without giving the event loop a turn
        await new Promise((resolve) => setImmediate(resolve))
      } while (report.more)
    } catch (error) {
      events.failed('sweep', error)
    }
    return sweepMs
  }

  async #sweepSchedules(): Promise<number> {
    const { events, isLeader, sweepSchedules, schedulesMs } = this.#parts
    try {
      if (!isLeader()) return schedulesMs
      await sweepSchedules()
      events.worked('schedule sweep')
    } catch (error) {
      events.failed('schedule sweep', error)
    }
    return schedulesMs
  }
}

function foundSomething({ dead, recovered, crashed, expired, pruned }: SweepReport): boolean {
  return dead.length > 0 || recovered > 0 || crashed > 0 || expired > 0 || pruned > 0
}
