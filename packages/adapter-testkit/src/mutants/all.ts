import { claimMutants } from './broker-claims.ts'
import { leaseMutants } from './broker-leases.ts'
import { jobSettleMutants } from './job-settle.ts'
import { jobUpkeepMutants } from './job-upkeep.ts'
import { lifeMutants } from './life.ts'
import { lockMutants } from './lock.ts'
import type { Mutant } from './mutant.ts'
import { scheduleStoreMutants } from './schedule-store.ts'
import { storageQueryMutants } from './storage-queries.ts'
import { storageValueMutants } from './storage-values.ts'
import { timeMutants } from './time.ts'

export type BrokenArea =
  | 'storage-values'
  | 'storage-queries'
  | 'broker-claims'
  | 'broker-leases'
  | 'lock'
  | 'job-settle'
  | 'job-upkeep'
  | 'schedule-store'
  | 'life'
  | 'time'

/** Every broken adapter, by what it is about. */
export const mutants: Readonly<Record<BrokenArea, readonly Mutant[]>> = {
  'storage-values': storageValueMutants,
  'storage-queries': storageQueryMutants,
  'broker-claims': claimMutants,
  'broker-leases': leaseMutants,
  lock: lockMutants,
  'job-settle': jobSettleMutants,
  'job-upkeep': jobUpkeepMutants,
  'schedule-store': scheduleStoreMutants,
  life: lifeMutants,
  time: timeMutants,
}
