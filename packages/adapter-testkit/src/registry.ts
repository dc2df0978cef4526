/** Every case of the kit, in the order it is listed and run. A suite joins by its line here. */
import type { Case } from './case.ts'
import { brokerBatchCases } from './suites/broker/batches.ts'
import { delayCases } from './suites/broker/delays.ts'
import { brokerHandOverCases } from './suites/broker/hand-over.ts'
import { leasingCases } from './suites/broker/leasing.ts'
import { lookingCases } from './suites/broker/looking.ts'
import { orderingCases } from './suites/broker/ordering.ts'
import { pausingCases } from './suites/broker/pausing.ts'
import { publishingCases } from './suites/broker/publishing.ts'
import { settlingCases } from './suites/broker/settling.ts'
import { waitingCases } from './suites/broker/waiting.ts'
import { faultCases } from './suites/fault/faults.ts'
import { hybridClaimCases } from './suites/hybrid/claim.ts'
import { hybridEnqueueCases } from './suites/hybrid/enqueue.ts'
import { hybridFinishCases } from './suites/hybrid/finish.ts'
import { hybridReconcileCases } from './suites/hybrid/reconcile.ts'
import { hybridRoundCases } from './suites/hybrid/rounds.ts'
import { hybridTripCases } from './suites/hybrid/trips.ts'
import { agreeCases } from './suites/job-store/agree.ts'
import { claimCases } from './suites/job-store/claim.ts'
import { handOverCases } from './suites/job-store/hand-over.ts'
import { insertCases } from './suites/job-store/insert.ts'
import { keepCases } from './suites/job-store/keep.ts'
import { manageCases } from './suites/job-store/manage.ts'
import { recoverCases } from './suites/job-store/recover.ts'
import { settleCases } from './suites/job-store/settle.ts'
import { workerCases } from './suites/job-store/worker.ts'
import { lifeCases } from './suites/life/life.ts'
import { linearizableCases } from './suites/lin/linearizable.ts'
import { lockCases, lockTokenCases } from './suites/lock/lock.ts'
import { brokerModelCases } from './suites/model/broker.ts'
import { jobStoreModelCases } from './suites/model/job-store.ts'
import { lockModelCases } from './suites/model/lock.ts'
import { patchingModelCases } from './suites/model/patching.ts'
import { storageModelCases } from './suites/model/storage.ts'
import { growthCases } from './suites/perf/growth.ts'
import { rateCases } from './suites/perf/rates.ts'
import { brokerRaceCases } from './suites/race/broker-races.ts'
import { storageRaceCases } from './suites/race/storage-races.ts'
import { scheduleCases } from './suites/schedule-store/schedules.ts'
import { apartCases } from './suites/storage/apart.ts'
import { batchCases, compareAndSetCases } from './suites/storage/compare-and-set.ts'
import { copyCases } from './suites/storage/copies.ts'
import { filterCases } from './suites/storage/filters.ts'
import { hostileNameCases } from './suites/storage/hostile-names.ts'
import { nameCases } from './suites/storage/names.ts'
import { orderCases } from './suites/storage/order.ts'
import { pagingCases } from './suites/storage/paging.ts'
import { patchingCases } from './suites/storage/patching.ts'
import { countingCases, pruningCases } from './suites/storage/pruning.ts'
import { rejectedValueCases } from './suites/storage/rejected-values.ts'
import { valueCases } from './suites/storage/values.ts'
import { timeCases } from './suites/time/time.ts'

export const allCases: readonly Case[] = [
  ...valueCases,
  ...copyCases,
  ...rejectedValueCases,
  ...nameCases,
  ...hostileNameCases,
  ...apartCases,
  ...filterCases,
  ...orderCases,
  ...pagingCases,
  ...countingCases,
  ...pruningCases,
  ...compareAndSetCases,
  ...patchingCases,
  ...batchCases,
  ...insertCases,
  ...claimCases,
  ...handOverCases,
  ...settleCases,
  ...workerCases,
  ...recoverCases,
  ...keepCases,
  ...manageCases,
  ...agreeCases,
  ...scheduleCases,
  ...lifeCases,
  ...publishingCases,
  ...orderingCases,
  ...delayCases,
  ...leasingCases,
  ...brokerHandOverCases,
  ...settlingCases,
  ...pausingCases,
  ...waitingCases,
  ...lookingCases,
  ...brokerBatchCases,
  ...lockCases,
  ...lockTokenCases,
  ...brokerRaceCases,
  ...storageRaceCases,
  ...timeCases,
  ...faultCases,
  ...hybridEnqueueCases,
  ...hybridClaimCases,
  ...hybridFinishCases,
  ...hybridReconcileCases,
  ...hybridTripCases,
  ...hybridRoundCases,
  ...linearizableCases,
  ...storageModelCases,
  ...patchingModelCases,
  ...brokerModelCases,
  ...lockModelCases,
  ...jobStoreModelCases,
  ...rateCases,
  ...growthCases,
]
