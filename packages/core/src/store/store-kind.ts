/**
 * One scope is kept by one kind of job store: the fused and the composed one have the same jobs in different places, and never see each
 * other's. A record in the storage says which kind it is.
 */
import type { JobStore } from '../contracts/job-store.ts'
import type { IStorageEngine } from '../contracts/storage-engine.ts'
import { InvalidArgumentError, UnavailableError } from '../errors/sched-error.ts'
import type { Logger } from '../telemetry/logger.ts'
import type { Versioned } from './composed/job-row.ts'
import { RecordTable, Unreadable } from './composed/record-table.ts'
import type { StorageHealth } from './composed/storage-health.ts'
import type { ServerTime } from './server-time.ts'

export type StoreKind = 'fused' | 'composed'

export interface KindParts {
  /** Under the scope. */
  readonly storage: IStorageEngine
  readonly serverTime: ServerTime
  readonly health: StorageHealth
  readonly logger: Logger
  readonly kind: StoreKind
  /** The store of the other kind over the same adapters; undefined where they have none. */
  readonly other: () => JobStore | undefined
}

interface KindRow extends Versioned {
  readonly id: string
  readonly store: StoreKind
  readonly finishedAt: null
}

const NAMESPACE = 'store'
const KIND = 'kind'
/** Refused more often than this in a row, the record has a writer that it will not outrun. */
const MAX_TRIES = 3

/**
 * Takes the scope for `kind`. Where it was the other kind's, it changes hands only when nothing of that is left: no unfinished job, no
 * live worker. Else rejects INVALID_ARGUMENT, which says what is left. Adapters that cannot show the other kind's jobs get a warning.
 */
export async function takeScopeFor(parts: KindParts): Promise<void> {
  const { storage, health, kind } = parts
  const table = new RecordTable<KindRow>(storage, NAMESPACE, health)
  for (let tries = 0; tries < MAX_TRIES; tries++) {
    const [row] = await table.read([KIND])
    if (row instanceof Unreadable) throw row.error
    if (row?.store === kind) return
    if (row) await checkNothingLeft(parts)
    const next: KindRow = { id: KIND, store: kind, finishedAt: null, rev: row ? row.rev + 1 : 1 }
    const [stored] = row ? await table.replace([next]) : await table.insert([next])
    if (stored) return
  }
  throw new UnavailableError(
    `the record that says which kind of job store keeps this scope changed ${MAX_TRIES} times meanwhile: try again`,
  )
}

async function checkNothingLeft({ kind, other, serverTime, logger }: KindParts): Promise<void> {
  const before = kind === 'fused' ? 'composed' : 'fused'
  const store = other()
  if (!store) {
    logger.warn(
      `the jobs of this scope were kept by the ${before} job store, which these adapters cannot look into: what it has left is not run`,
    )
    return
  }
  try {
    await store.ready?.()
    const [{ types }, workers] = await Promise.all([store.counts(), store.workers()])
    const jobs = Object.values(types).reduce((sum, { pending, running }) => sum + pending + running, 0)
    const live = workers.filter(({ dead, until }) => !dead && until > serverTime.now()).length
    if (jobs === 0 && live === 0) return
    throw new InvalidArgumentError(
      `the jobs of this scope are kept by the ${before} job store, with ${jobs} unfinished jobs and ${live} live workers there, and this is the ${kind} one, which would never see them: give every scheduler of a project and environment the same adapters and the same \`fuse\`, or change over when those jobs have ended and their schedulers are stopped`,
    )
  } finally {
    await store.close?.()
  }
}
