/** Which methods belong to which contract. */
import {
  BROKER_OPTIONAL,
  BROKER_REQUIRED,
  LOCK_OPTIONAL,
  LOCK_REQUIRED,
  STORAGE_OPTIONAL,
  STORAGE_REQUIRED,
} from '@sched/core/adapter'

export const LIFECYCLE_METHODS = ['ready', 'ping', 'close'] as const
export const JOB_STORE_METHODS = [
  'insert',
  'settle',
  'heartbeat',
  'sweep',
  'get',
  'list',
  'counts',
  'change',
  'pause',
  'workers',
  'subscribe',
] as const

/** Of any contract. `within` gives an engine, not an answer, so it is none of them. */
export const CONTRACT_METHODS: ReadonlySet<string> = new Set<string>([
  ...STORAGE_REQUIRED,
  ...STORAGE_OPTIONAL.filter((name) => name !== 'within'),
  ...BROKER_REQUIRED,
  ...BROKER_OPTIONAL,
  ...LOCK_REQUIRED,
  ...LOCK_OPTIONAL,
  ...JOB_STORE_METHODS,
  ...LIFECYCLE_METHODS,
])
