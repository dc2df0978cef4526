/** `priority` (default): higher first, then due time, then the publisher's order. `fifo` and `lifo` ignore priority but see every id. */
export type BrokerStrategy = 'priority' | 'fifo' | 'lifo'

/** What no method shows about an adapter. Everything is optional; what is left out is taken as the weaker answer. */
export interface Traits {
  /** Whose clock decides expiry, delay and due checks. */
  readonly clock: 'server' | 'process'
  /** What an acknowledged write survives: the end of the process, of the server, or of one of several servers. */
  readonly durability: 'process' | 'server' | 'replicated'
  /** True when `ack`, `nack` and `extendLock` honour receipts. */
  readonly receipts: boolean
  /** The claim strategies a broker offers. */
  readonly strategies: readonly BrokerStrategy[]
  /** The largest encoded value a storage takes, in bytes. */
  readonly maxValueBytes: number
}

/**
 * The life of an adapter. Plain objects may leave all of it out: core then takes `ready`, `ping` and `close` as done.
 *
 * Rules for every method of every contract: each call has a deadline (default 10 s) after which it rejects UNAVAILABLE; errors are
 * `SchedError`s; after `close` every call rejects CLOSED; time is the server's; each step is atomic on the server.
 */
export interface Lifecycle {
  /** Creates what the adapter needs. Idempotent; 50 processes may race on an empty server. Throws UNAVAILABLE, CLOSED. */
  ready?(): Promise<void>
  /** Answers when the server answers. Throws UNAVAILABLE within the deadline, CLOSED. */
  ping?(): Promise<void>
  /** Idempotent. Wakes blocked waiters; ends only connections the adapter opened itself. */
  close?(): Promise<void>
  readonly traits?: Partial<Traits>
}
