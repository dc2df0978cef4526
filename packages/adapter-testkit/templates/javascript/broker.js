import { checkName } from '@sched/core/adapter'
import { notWritten } from './connection.js'

/**
 * Moves ids: in a queue an id is waiting, delayed (due later) or leased.
 * @implements {import('@sched/core/adapter').IBrokerEngine}
 */
export class MyBroker {
  // the strategies that claim knows; `receipts: true` once ack, nack and extendLock honour them
  traits = { clock: 'process', durability: 'process', strategies: ['priority'] }
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

  /**
   * Once per id: of a waiting or delayed id the earlier due time and the higher priority win; a leased one stays as it is. `priority`:
   * an integer from -20 to 20, higher first; anything else rejects INVALID_ARGUMENT, as does a negative delay.
   */
  async publish(name, id, _delayMs = 0, _priority = 0) {
    this.#connection.guard()
    checkName(name, 'name')
    checkName(id, 'id')
    throw notWritten('publish')
  }

  /**
   * Leases up to `limit` ids that are due and not under a live lease, in one atomic step on the server: by priority, then due time,
   * then the order of publishing. Nothing while the queue is paused. `limit` 0 gives [].
   */
  async claim(_name, _consumerId, _limit, _leaseMs, _strategy) {
    throw notWritten('claim')
  }

  /**
   * The lease of that consumer ends `leaseMs` from now. Rejects LEASE_LOST (`LeaseLostError`) when it is not live any more, even if
   * nobody else has claimed the id. Without `name`: the queue from which this instance claimed the id for that consumer.
   */
  async extendLock(_id, _consumerId, _leaseMs, _name, _receipt) {
    throw notWritten('extendLock')
  }

  /** The id is done and gone. An unknown one is no error. */
  async ack(_name, _id, _receipt) {
    throw notWritten('ack')
  }

  /** Back, due after `delayMs`, with its priority, behind its equals. An unknown id is no error, and stays unknown. */
  async nack(_name, _id, _delayMs = 0, _receipt) {
    throw notWritten('nack')
  }

  /** Kept on the server: it outlives this process. Leased work goes on, delays keep running, publishing works. */
  async pause(_name) {
    throw notWritten('pause')
  }

  async resume(_name) {
    throw notWritten('resume')
  }

  // Next: claimLeases with receipts (Fenced), claimBlocking and subscribe (no polling), publishMany and ackMany (fewer round trips).
}
