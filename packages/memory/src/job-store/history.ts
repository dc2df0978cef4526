import { Line } from '../line.ts'

/**
 * The finished jobs of one type in one final state, oldest first. Jobs that keep for different times stand in lines of their own,
 * so that each line ends in order and pruning by age only ever looks at the heads.
 */
export class History {
  readonly #lines: Map<number, Line> = new Map()
  #size = 0

  get size(): number {
    return this.#size
  }

  /** `ageMs`: how long the job keeps; Infinity: for good. */
  add(finishedAt: number, ticket: number, slot: number, ageMs: number): void {
    let line = this.#lines.get(ageMs)
    if (line === undefined) {
      line = new Line()
      this.#lines.set(ageMs, line)
    }
    line.add(finishedAt, ticket, slot)
    this.#size++
  }

  remove(finishedAt: number, ticket: number, ageMs: number): void {
    const line = this.#lines.get(ageMs)
    if (!line?.remove(finishedAt, ticket)) return
    this.#size--
    if (line.size === 0) this.#lines.delete(ageMs)
  }

  /** Takes the oldest of all; −1 when there is none. */
  takeOldest(): number {
    let oldest: number | undefined
    let finishedAt = Number.POSITIVE_INFINITY
    for (const [ageMs, line] of this.#lines) {
      if (line.headAt >= finishedAt) continue
      oldest = ageMs
      finishedAt = line.headAt
    }
    return oldest === undefined ? -1 : this.#takeFrom(oldest)
  }

  /** Takes one whose time is over; −1 when there is none. */
  takeOutdated(now: number): number {
    for (const [ageMs, line] of this.#lines) if (line.headAt + ageMs <= now) return this.#takeFrom(ageMs)
    return -1
  }

  #takeFrom(ageMs: number): number {
    const line = this.#lines.get(ageMs)!
    const slot = line.shift()
    this.#size--
    if (line.size === 0) this.#lines.delete(ageMs)
    return slot
  }
}
