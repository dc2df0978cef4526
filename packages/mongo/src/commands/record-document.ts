import type { RecordBody } from '../record-codec.ts'

export interface RecordId {
  /** Prefix and namespace. */
  readonly s: string
  readonly i: string
}

export interface RecordDocument extends RecordBody {
  readonly _id: RecordId
  /** Which call wrote it: by that a call whose answer was lost knows its own work. */
  readonly w: string
}

/** Without what only the server needs. */
export const VALUE_ONLY = { f: 1, o: 1 } as const
