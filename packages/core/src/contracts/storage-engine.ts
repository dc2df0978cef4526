import type { Lifecycle } from './lifecycle.ts'

export type Scalar = string | number | boolean | null | Date

/**
 * What one field must be. A bare value means equality by deep value, not containment and not identity. Ranges compare within
 * numbers, instants or strings (by UTF-8 bytes); across kinds they do not match. An unknown operator rejects INVALID_ARGUMENT.
 */
export type Condition =
  | Scalar
  | {
      readonly $eq?: unknown
      /** Matches a missing field too. */
      readonly $ne?: unknown
      /** `[null]` matches only an explicit null, not a missing field. */
      readonly $in?: readonly unknown[]
      readonly $lt?: Scalar
      readonly $lte?: Scalar
      readonly $gt?: Scalar
      readonly $gte?: Scalar
    }

/** AND over top-level fields. */
export type Filter = Readonly<Record<string, Condition | unknown>>

export interface ListOptions {
  /** At most this many; 0 gives none; without it, all. A non-negative integer, else INVALID_ARGUMENT. */
  readonly limit?: number
  /** Skips this many. A non-negative integer, else INVALID_ARGUMENT. */
  readonly offset?: number
  /**
   * Default: by id. Ties by id; a missing field, and any value that is no number, instant or string, comes last in both
   * directions; numbers before instants before strings; strings by their UTF-8 bytes.
   */
  readonly orderBy?: { readonly field: string; readonly direction?: 'asc' | 'desc' }
}

export interface StoredRecord<T> {
  readonly id: string
  readonly value: T
}

export interface CompareAndSetItem<T> {
  readonly id: string
  readonly expectedRev: number | null
  readonly value: T
}

/** A change of some top-level fields of one record. */
export interface PatchItem {
  readonly id: string
  /** What fields must be: equal by value; `undefined`: missing. */
  readonly where: Readonly<Record<string, string | number | boolean | null | undefined>>
  /** What fields become; `undefined`: missing. Not `rev`. */
  readonly set: Readonly<Record<string, unknown>>
  /** A field, not in `set`, that grows by one; what is no number counts as 0. */
  readonly count?: string
  /** A field, not in `set`, that becomes the record's new `rev`. */
  readonly revTo?: string
}

export interface PatchOptions {
  /** The answers are the records. */
  readonly read?: boolean
  /**
   * False: the answer need not wait until a crash or a failover of the server cannot undo the write any more. Default true.
   */
  readonly lasting?: boolean
  /**
   * The new rev is greater than any that the record was ever given, by a write that was undone as well: where that may happen it is at least
   * the server's microseconds.
   */
  readonly freshRev?: boolean
}

/**
 * Keeps records: (namespace, id) → a JSON-plus-Date value. Reads see every acknowledged write, from any node. Values are deep
 * copies both ways. Namespaces and ids follow `checkName`; values follow the codec (VALUE_UNSERIALIZABLE, VALUE_TOO_LARGE).
 */
export interface IStorageEngine extends Lifecycle {
  /** Replaces the whole record; the last writer wins. */
  save<T>(namespace: string, id: string, value: T): Promise<void>
  /** A deep copy, or null when there is no such record. */
  get<T>(namespace: string, id: string): Promise<T | null>
  /** The matching values in order. Not a snapshot. Throws INVALID_ARGUMENT for an unknown operator or a bad limit. */
  list<T>(namespace: string, filter?: Filter, options?: ListOptions): Promise<T[]>
  /** A missing id is no error. */
  delete(namespace: string, id: string): Promise<void>
  /**
   * Deletes, in bounded batches, the records whose `finishedAt` is before `beforeMs` (epoch milliseconds, strictly). A record
   * without the field goes by `createdAt`; one whose value is neither Date nor number, or with neither field, stays.
   * Resolves to the number deleted.
   */
  prune(namespace: string, beforeMs: number): Promise<number>
  /** The length of `list(namespace, filter)` when nothing else writes. */
  count(namespace: string, filter?: Filter): Promise<number>

  /**
   * A keyset page in id order (by UTF-8 bytes); `after` is the last id seen. Stable under inserts and deletes.
   * Without this method core pages by offset and says so.
   */
  page?<T>(
    namespace: string,
    filter: Filter | undefined,
    options: { readonly limit: number; readonly after?: string },
  ): Promise<StoredRecord<T>[]>
  /**
   * Stores `value` whole, and resolves true, iff the record's integer field `rev` equals `expectedRev` (a record without the field
   * counts as 0), or iff no record exists when `expectedRev` is null. Atomic on the server. Core writes rev = expected + 1; a new
   * record starts at the server's microseconds, so that a rev never repeats for an id.
   * Where the method is missing it is never emulated by get-then-save: core then runs at-least-once without fencing.
   */
  compareAndSet?<T>(namespace: string, id: string, expectedRev: number | null, value: T): Promise<boolean>
  /** One answer per item, in order; each item atomic by itself. */
  compareAndSetMany?<T>(namespace: string, items: readonly CompareAndSetItem<T>[]): Promise<boolean[]>
  /**
   * Changes some fields of each record for which `where` holds, and adds one to its `rev` (or more, with `freshRev`); every other field stays as it is. Null where
   * that was refused: no such record, one without an integer `rev`, or `where` does not hold. Else, with `read`, the record as it is afterwards;
   * without, true. One answer per item, in order; each item atomic by itself, on the server. With the method core claims and settles jobs
   * without reading them or writing them whole. Rejects as `checkPatch` does, and as the codec for values of `set`.
   */
  patchMany?<T = true>(
    namespace: string,
    items: readonly PatchItem[],
    options?: PatchOptions,
  ): Promise<(T | null)[]>
  /** One answer per id, in the order of `ids`. */
  getMany?<T>(namespace: string, ids: readonly string[]): Promise<(T | null)[]>
  saveMany?<T>(namespace: string, records: readonly StoredRecord<T>[]): Promise<void>
  /** Resolves to the number that existed. */
  deleteMany?(namespace: string, ids: readonly string[]): Promise<number>
  /** The server's clock, epoch milliseconds (fractions allowed). */
  now?(): Promise<number>
  /** Core names, once after ready, the fields it will filter, order or prune by. A hint. */
  index?(namespace: string, fields: readonly string[]): Promise<void>
  /** The same engine inside the user's open transaction (a pg client, a Mongo ClientSession). Throws UNSUPPORTED for another kind. */
  within?(transaction: unknown): IStorageEngine
}

export const STORAGE_REQUIRED = ['save', 'get', 'list', 'delete', 'prune', 'count'] as const
export const STORAGE_OPTIONAL = [
  'page',
  'compareAndSet',
  'compareAndSetMany',
  'patchMany',
  'getMany',
  'saveMany',
  'deleteMany',
  'now',
  'index',
  'within',
] as const
