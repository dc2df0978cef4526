import { brokerClaimMutants } from './broker-claims.ts'
import { brokerLeaseMutants } from './broker-leases.ts'
import { brokerOrderMutants } from './broker-order.ts'
import { brokerPublishMutants } from './broker-publish.ts'
import { brokerWaitMutants } from './broker-waiting.ts'
import { hybridBrokerMutants } from './hybrid-broker.ts'
import { hybridStorageMutants } from './hybrid-storage.ts'
import { jobClaimMutants } from './job-claims.ts'
import { jobSettleMutants } from './job-settle.ts'
import { jobUpkeepMutants } from './job-upkeep.ts'
import { jobWorkerMutants } from './job-workers.ts'
import { lifeMutants } from './life.ts'
import { lockMutants } from './lock.ts'
import type { Mutant } from './mutant.ts'
import { scheduleStoreMutants } from './schedule-store.ts'
import { storageFilterMutants } from './storage-filters.ts'
import { storageKeyMutants } from './storage-keys.ts'
import { storageOrderMutants } from './storage-order.ts'
import { storageValueMutants } from './storage-values.ts'
import { storageWriteMutants } from './storage-writes.ts'
import { timeMutants } from './time.ts'

export type BrokenArea =
  | 'storage-values'
  | 'storage-keys'
  | 'storage-filters'
  | 'storage-order'
  | 'storage-writes'
  | 'broker-order'
  | 'broker-claims'
  | 'broker-publish'
  | 'broker-leases'
  | 'broker-waiting'
  | 'lock'
  | 'job-claims'
  | 'job-settle'
  | 'job-workers'
  | 'job-upkeep'
  | 'schedule-store'
  | 'hybrid'
  | 'life'
  | 'time'

/** Every broken adapter, by what it is about. */
export const mutants: Readonly<Record<BrokenArea, readonly Mutant[]>> = {
  'storage-values': storageValueMutants,
  'storage-keys': storageKeyMutants,
  'storage-filters': storageFilterMutants,
  'storage-order': storageOrderMutants,
  'storage-writes': storageWriteMutants,
  'broker-order': brokerOrderMutants,
  'broker-claims': brokerClaimMutants,
  'broker-publish': brokerPublishMutants,
  'broker-leases': brokerLeaseMutants,
  'broker-waiting': brokerWaitMutants,
  lock: lockMutants,
  'job-claims': jobClaimMutants,
  'job-settle': jobSettleMutants,
  'job-workers': jobWorkerMutants,
  'job-upkeep': jobUpkeepMutants,
  'schedule-store': scheduleStoreMutants,
  hybrid: [...hybridStorageMutants, ...hybridBrokerMutants],
  life: lifeMutants,
  time: timeMutants,
}
