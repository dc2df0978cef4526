import { ClosedError, UnsupportedError } from '@sched/core/adapter'

export interface Options {
  /** How to reach the server. */
  readonly url: string
  /** Isolation: two adapters with different prefixes share nothing. Any text: escape it, hash it, or keep it in a column of its own. */
  readonly prefix: string
  /** Clear what is under the prefix, once, at ready(). Never anything else. */
  readonly resetOnInit?: boolean
}

/** What storage, broker and lock share: the client of your server, and a life. */
export class Connection {
  readonly options: Options
  #closed = false

  constructor(options: Options) {
    this.options = options
  }

  /** Create what is missing: tables, indexes, scripts. Called more than once, and by fifty processes at the same time. */
  async ready(): Promise<void> {
    this.guard()
  }

  /** Ask the server something cheap. Reject UNAVAILABLE (`UnavailableError`) when no answer comes within ten seconds. */
  async ping(): Promise<void> {
    this.guard()
  }

  /** End the connections you opened yourself, and wake whoever waits. A client that the user handed in stays open. */
  async close(): Promise<void> {
    this.#closed = true
  }

  /** First thing in every method: after close() every call rejects CLOSED. */
  guard(): void {
    if (this.#closed) throw new ClosedError('my-adapter')
  }
}

/** What a blank method throws. Take it out as you go. */
export function notWritten(method: string): UnsupportedError {
  return new UnsupportedError(`${method} is not written yet`)
}
