import type { IBrokerEngine } from '../../contracts/broker-engine.ts'
import type { ILockAdapter } from '../../contracts/lock-adapter.ts'
import type { IStorageEngine } from '../../contracts/storage-engine.ts'
import type { Logger } from '../../telemetry/logger.ts'
import type { Clock } from '../../values/clock.ts'
import type { ServerTime } from '../server-time.ts'
import { Batches } from './batches.ts'
import type { BrokerRow } from './broker-row.ts'
import { ClaimBook } from './claim-book.ts'
import { CountRetention } from './count-retention.ts'
import { Dispatcher } from './dispatcher.ts'
import { BATCHES, JOBS, RECONCILER, TALLIES, TYPES, WORKERS } from './job-row.ts'
import { JOB_PACKING, type JobTable, type StoredJob } from './job-table.ts'
import { OpenClaims } from './open-claims.ts'
import { hurried, Patience } from './patience.ts'
import { Queues } from './queues.ts'
import { QuietTypes } from './quiet-types.ts'
import { RecordTable } from './record-table.ts'
import { Revisions } from './revisions.ts'
import { seldom } from './seldom.ts'
import { StorageHealth } from './storage-health.ts'
import { Tallies } from './tallies.ts'
import { TypeRegistry } from './type-registry.ts'
import { TypeSlots } from './type-slots.ts'
import { WorkerLeases } from './worker-leases.ts'

export interface ComposedOptions {
  /** Under the scope. */
  readonly storage: IStorageEngine
  /** Under the scope. */
  readonly broker: IBrokerEngine
  /** Under the scope: holds types' limits where the broker does not. */
  readonly lock: ILockAdapter
  readonly serverTime: ServerTime
  readonly clock: Clock
  readonly logger: Logger
}

/** What the operations of the composed store share. */
export interface ComposedParts {
  readonly jobs: JobTable
  readonly reconciler: RecordTable<BrokerRow>
  readonly queues: Queues
  readonly workers: WorkerLeases
  readonly types: TypeRegistry
  readonly tallies: Tallies
  readonly counts: CountRetention
  readonly book: ClaimBook
  readonly open: OpenClaims
  readonly slots: TypeSlots
  readonly dispatcher: Dispatcher
  readonly batches: Batches
  readonly health: StorageHealth
  readonly patience: Patience
  readonly quiet: QuietTypes
  readonly revisions: Revisions
  readonly logger: Logger
  /** Ids without a record that a broker without receipts delivered once. */
  readonly missed: Set<string>
  /** Types of which jobs run at most once. */
  readonly onceTypes: Set<string>
  /** The storage server's time, a whole number of milliseconds. */
  now(): number
  /** Measures the storage server's clock anew. Rejects as the storage does. */
  measure(): Promise<void>
}

export function composedParts(options: ComposedOptions): ComposedParts {
  const { storage, broker, lock, serverTime, clock } = options
  const logger = seldom(options.logger, clock)
  const health = new StorageHealth(clock)
  const revisions = new Revisions(serverTime)
  const patience = new Patience(clock)
  const quiet = new QuietTypes()
  const queues = new Queues(hurried(broker, patience), (type) => quiet.woken(type))
  const jobs: JobTable = new RecordTable<StoredJob>(storage, JOBS, health, JOB_PACKING)
  return {
    jobs,
    reconciler: new RecordTable(storage, RECONCILER, health),
    queues,
    workers: new WorkerLeases(new RecordTable(storage, WORKERS, health), serverTime, clock, revisions),
    types: new TypeRegistry(new RecordTable(storage, TYPES, health), queues, revisions),
    tallies: new Tallies(new RecordTable(storage, TALLIES, health), serverTime, clock, revisions, logger),
    counts: new CountRetention(jobs),
    book: new ClaimBook(),
    open: new OpenClaims(),
    slots: new TypeSlots(hurried(lock, patience)),
    dispatcher: new Dispatcher(queues, jobs, serverTime, clock, logger),
    batches: new Batches(new RecordTable(storage, BATCHES, health), serverTime, revisions),
    health,
    patience,
    quiet,
    revisions,
    logger,
    missed: new Set(),
    onceTypes: new Set(),
    now: () => Math.floor(serverTime.now()),
    measure: () => health.watch(() => serverTime.measure()),
  }
}
