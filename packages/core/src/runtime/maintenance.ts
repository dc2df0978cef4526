/**
 * What the leader does: takes back the jobs of dead workers, fails expired ones, prunes finished ones, mends schedules, and sees to what
 * a store cannot leave until then.
 */
import type { JobStore, SweepReport } from '../contracts/job-store.ts'
import type { Events } from '../telemetry/events.ts'
import type { Clock } from '../values/clock.ts'
import { Periodic } from './periodic.ts'
import { Service } from './service.ts'

/** How often a store that keeps jobs in more than one place is tended. */
const TEND_MS = 5_000

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
  readonly #tending: Periodic

  constructor(parts: MaintenanceParts) {
    super()
    this.#parts = parts
    this.#sweeps = new Periodic(parts.clock, () => this.#sweep())
    this.#schedules = new Periodic(parts.clock, () => this.#sweepSchedules())
    this.#tending = new Periodic(parts.clock, () => this.#tend())
  }

  protected async onStart(): Promise<void> {
    await Promise.all([this.#sweeps.start(), this.#schedules.start(), this.#tending.start()])
    void this.#sweeps.now()
    void this.#schedules.now()
    // the sweep now does what tending does
    if (this.#parts.store.tend) this.#tending.arm(TEND_MS)
  }

  protected async onStop(): Promise<void> {
    await Promise.all([this.#sweeps.stop(), this.#schedules.stop(), this.#tending.stop()])
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

  async #tend(): Promise<number> {
    const { store, events, isLeader } = this.#parts
    try {
      while (isLeader() && (await store.tend?.())) await new Promise((resolve) => setImmediate(resolve))
      events.worked('tending the job store')
    } catch (error) {
      events.failed('tending the job store', error)
    }
    return TEND_MS
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
