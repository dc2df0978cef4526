// For tests of the loop: everything that runs jobs but schedules and the leader, over a job store that does what the test says.
import { Events } from '../telemetry/events.ts'
import { EmptyLogger } from '../telemetry/logger.ts'
import { ManualClock } from '../values/manual-clock.ts'
import { Consumer } from './consumer.ts'
import { Executor } from './executor.ts'
import { defineJob } from './job-definition.ts'
import { OutcomeReporter } from './outcome-reporter.ts'
import { Registry } from './registry.ts'
import { Renewer } from './renewer.ts'
import { ScriptedJobStore } from './scripted-job-store.support.ts'
import { Settler } from './settler.ts'
import { WorkerLease } from './worker-lease.ts'

export const LEASE_MS: number = 60_000

/** Lets a handler keep the event loop busy: time passes, and no timer can fire. */
export class BusyClock extends ManualClock {
  busyMs: number = 0
  override monotonic(): number {
    return super.monotonic() + this.busyMs
  }
}

export interface Loop {
  readonly clock: BusyClock
  readonly store: ScriptedJobStore
  readonly consumer: Consumer
  readonly executor: Executor
  readonly settler: Settler
  readonly events: Events
  readonly lease: WorkerLease
  readonly registry: Registry
  readonly renewer: Renewer
  readonly errors: unknown[]
}

export interface LoopOptions {
  readonly max?: number
  readonly concurrency?: number
  readonly handle?: (id: string) => unknown
  readonly settlesAtOnce?: number
}

export function setupLoop(options: LoopOptions = {}): Loop {
  const { max = 3, concurrency, handle = () => undefined } = options
  const clock = new BusyClock({ turns: 10 })
  const store = new ScriptedJobStore()
  store.settlesAtOnce = options.settlesAtOnce ?? 1
  const registry = new Registry()
  const events = new Events(new EmptyLogger())
  const settler = new Settler()
  const lease = new WorkerLease(clock, 'w')
  const errors: unknown[] = []
  events.on('error', ({ error }) => errors.push(error))
  registry.add(
    defineJob({
      type: 'job',
      handle: (_, ctx) => handle(ctx.jobId),
      ...(concurrency !== undefined && { concurrency }),
    }),
  )
  const logger = new EmptyLogger()
  const executor: Executor = new Executor({
    clock,
    lease,
    settler,
    events,
    logger,
    maxConcurrentJobs: max,
    serverNow: () => clock.now(),
    random: () => 0.5,
    gate: () => undefined,
    onProgress: () => consumer.turn(),
    host: { isShuttingDown: false, log() {}, progress() {}, signOfLife() {}, renew: async () => {} },
  })
  const reporter = new OutcomeReporter({ events, logger, jobs: store.asStore, gate: () => undefined })
  const consumer: Consumer = new Consumer({
    store: store.asStore,
    clock,
    lease,
    registry,
    executor,
    settler,
    events,
    maxConcurrentJobs: max,
    leaseMs: LEASE_MS,
    pollMs: 5_000,
    random: () => 1,
    onSettled: (batch, settled) => reporter.report(batch, settled),
  })
  const renewer = new Renewer({
    store: store.asStore,
    clock,
    lease,
    executor,
    settler,
    events,
    logger,
    leaseMs: LEASE_MS,
    heartbeatMs: 15_000,
    info: () => ({}),
    measure: async () => {},
    onRenewed: () => consumer.turn(),
  })
  lease.renewed(clock.monotonic(), LEASE_MS)
  return { clock, store, consumer, executor, settler, events, lease, registry, renewer, errors }
}
