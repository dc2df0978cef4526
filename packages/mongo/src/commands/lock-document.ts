/** `_id`: prefix and key. */
export interface LockDocument {
  readonly _id: string
  /** Its owner; missing when it was released. */
  readonly o?: string
  /** The end of the lease. */
  readonly e: Date
  /** The fencing token of the last lease. */
  readonly t: number
  /** When the document may be forgotten. */
  readonly x: Date
}

/** How long a document outlives its lease, for its token. Beyond that the clock, in microseconds, keeps tokens growing. */
export const KEEP_MS = 86_400_000
