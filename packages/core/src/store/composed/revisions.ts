import type { ServerTime } from '../server-time.ts'

/**
 * First revs of new records: the server's microseconds. A record grows by one at a write, which takes longer than a microsecond, so a
 * rev never repeats for an id, also when its record went and the id is used again: a request for the old record, applied late, is
 * refused by the new one.
 */
export class Revisions {
  readonly #time: ServerTime
  #last = 0

  constructor(time: ServerTime) {
    this.#time = time
  }

  next(): number {
    this.#last = Math.max(this.#last + 1, Math.floor(this.#time.now() * 1000))
    return this.#last
  }
}
