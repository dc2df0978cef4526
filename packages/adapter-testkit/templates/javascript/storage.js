import { checkName, encodeValue } from '@sched/core/adapter'
import { notWritten } from './connection.js'

/**
 * Keeps records: (namespace, id) → a value of JSON and Dates.
 * @implements {import('@sched/core/adapter').IStorageEngine}
 */
export class MyStorage {
  // what no method shows; leave out what you cannot promise
  traits = { clock: 'process', durability: 'process' }
  #connection

  constructor(connection) {
    this.#connection = connection
  }

  ready() {
    return this.#connection.ready()
  }

  ping() {
    return this.#connection.ping()
  }

  close() {
    return this.#connection.close()
  }

  /** Replaces the whole record; the last writer wins. */
  async save(namespace, id, value) {
    this.#connection.guard()
    checkName(namespace, 'namespace')
    checkName(id, 'id')
    // checks the value (NaN, functions, cycles, size …) and makes text of it; Dates survive
    const text = encodeValue(value)
    throw notWritten(`save of ${text.length} characters`)
  }

  /** A copy of the record, or null. */
  async get(namespace, id) {
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
  async list(_namespace, _filter, _options) {
    throw notWritten('list')
  }

  /** The length of that list. */
  async count(_namespace, _filter) {
    throw notWritten('count')
  }

  /** A missing id is no error. */
  async delete(_namespace, _id) {
    throw notWritten('delete')
  }

  /**
   * Deletes what finished before `beforeMs`, strictly: by `finishedAt`, or by `createdAt` where that field is missing. What has
   * neither, or no Date or number there (null: unfinished), stays. Gives how many went.
   */
  async prune(_namespace, _beforeMs) {
    throw notWritten('prune')
  }

  // Next, for the Fenced tier: compareAndSet, page and now. A method that is there is tested; one that is missing is n/a.
}
