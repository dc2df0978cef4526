/** States as they are stored: the index of the name in `JOB_STATES`; FREE: the slot holds no job. */
export const PENDING = 0
export const RUNNING = 1
export const COMPLETED = 2
export const FAILED = 3
export const CANCELLED = 4
export const FREE = 5
export type FinalCode = typeof COMPLETED | typeof FAILED | typeof CANCELLED
