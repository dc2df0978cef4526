import {
  checkName,
  encodeValue,
  type Filter,
  type IStorageEngine,
  type ListOptions,
} from '@sched/core/adapter'
import { type Connection, notWritten } from './connection.ts'

/** Keeps records: (namespace, id) → a value of JSON and Dates. */
export class MyStorage implements IStorageEngine {
  // what no method shows; leave out what you cannot promise
  readonly traits = { clock: 'process', durability: 'process' } as const
  readonly #connection: Connection

  constructor(connection: Connection) {
    this.#connection = connection
  }

  ready(): Promise<void> {
    return this.#connection.ready()
  }

  ping(): Promise<void> {
    return this.#connection.ping()
  }

  close(): Promise<void> {
    return this.#connection.close()
  }

  /** Replaces the whole record; the last writer wins. */
  async save<T>(namespace: string, id: string, value: T): Promise<void> {
    this.#connection.guard()
    checkName(namespace, 'namespace')
    checkName(id, 'id')
    // checks the value (NaN, functions, cycles, size …) and makes text of it; Dates survive
    const text = encodeValue(value)
    throw notWritten(`save of ${text.length} characters`)
  }

  /** A copy of the record, or null. */
  async get<T>(namespace: string, id: string): Promise<T | null> {
    this.#connection.guard()
    checkName(namespace, 'namespace')
    checkName(id, 'id')
    // null when there is none; else decodeValue(text) makes the value of the text again
    throw notWritten('get')
  }

  /**
   * The values that match, in order: by id (its UTF-8 bytes) unless `orderBy` says otherwise. An unknown operator in the filter, or a
   * limit or offset that is no whole number from 0 on, rejects INVALID_ARGUMENT.
   */
  async list<T>(_namespace: string, _filter?: Filter, _options?: ListOptions): Promise<T[]> {
    throw notWritten('list')
  }

  /** The length of that list. */
  async count(_namespace: string, _filter?: Filter): Promise<number> {
    throw notWritten('count')
  }

  /** A missing id is no error. */
  async delete(_namespace: string, _id: string): Promise<void> {
    throw notWritten('delete')
  }

  /**
   * Deletes what finished before `beforeMs`, strictly: by `finishedAt`, or by `createdAt` where that field is missing. What has
   * neither, or no Date or number there (null: unfinished), stays. Gives how many went.
   */
  async prune(_namespace: string, _beforeMs: number): Promise<number> {
    throw notWritten('prune')
  }

  // Next, for the Fenced tier: compareAndSet, page and now. A method that is there is tested; one that is missing is n/a.
}
