import { ClosedError, UnsupportedError } from '@sched/core/adapter'

/** What storage, broker and lock share: the client of your server, and a life. */
export class Connection {
  options
  #closed = false

  constructor(options) {
    this.options = options
  }

  /** Create what is missing: tables, indexes, scripts. Called more than once, and by fifty processes at the same time. */
  async ready() {
    this.guard()
  }

  /** Ask the server something cheap. Reject UNAVAILABLE (`UnavailableError`) when no answer comes within ten seconds. */
  async ping() {
    this.guard()
  }

  /** End the connections you opened yourself, and wake whoever waits. A client that the user handed in stays open. */
  async close() {
    this.#closed = true
  }

  /** First thing in every method: after close() every call rejects CLOSED. */
  guard() {
    if (this.#closed) throw new ClosedError('my-adapter')
  }
}

/** What a blank method throws. Take it out as you go. */
export function notWritten(method) {
  return new UnsupportedError(`${method} is not written yet`)
}
