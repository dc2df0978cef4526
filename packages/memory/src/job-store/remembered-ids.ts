/**
 * The ids of jobs that are gone, each known until its `rememberMs` is over, so that a repeated insert is still answered `exists`.
 *
 * An id stays in the scope's one index, with the number of its bucket (negative) where a living job has its slot; a bucket is what
 * ends at one instant, and is dropped as a whole, a few ids at each call so that no call pays for all. Memory is bounded: beyond
 * `max` ids the ones that would end soonest are forgotten early.
 */
interface Bucket {
  readonly number: number
  /** Epoch ms. */
  readonly endsAt: number
  readonly ids: string[]
}

/** Ids dropped at each new one: two, so that what ended is gone before as many have come again. */
const DROPPED_AT_ONCE = 2

export class RememberedIds {
  readonly #index: Map<string, number>
  readonly #max: number
  readonly #byEnd: Map<number, Bucket> = new Map()
  readonly #byNumber: Map<number, Bucket> = new Map()
  /** Soonest end first. */
  readonly #buckets: Bucket[] = []
  #lastNumber = 0
  #size = 0

  constructor(index: Map<string, number>, max: number) {
    this.#index = index
    this.#max = max
  }

  /** Ids in memory, ended ones that were not dropped yet included. */
  get size(): number {
    return this.#size
  }

  /** Whether an id that the index maps to `number` is still remembered. */
  isLive(number: number, now: number): boolean {
    const bucket = this.#byNumber.get(number)
    return bucket !== undefined && bucket.endsAt > now
  }

  /** Remembers `id` until `until` (epoch ms), and up to an eighth of `rememberMs` longer. */
  remember(id: string, until: number, rememberMs: number, now: number): void {
    const bucket = this.#bucketFor(until, rememberMs)
    bucket.ids.push(id)
    this.#index.set(id, bucket.number)
    this.#size++
    this.drop(now, DROPPED_AT_ONCE)
  }

  /** Drops up to `limit` ids that ended, or are too many. Gives how many it dropped. */
  drop(now: number, limit: number): number {
    let dropped = 0
    while (dropped < limit) {
      const bucket = this.#buckets[0]
      if (bucket === undefined || (bucket.endsAt > now && this.#size <= this.#max)) break
      const id = bucket.ids.pop()
      if (id === undefined) {
        this.#buckets.shift()
        this.#byEnd.delete(bucket.endsAt)
        this.#byNumber.delete(bucket.number)
        continue
      }
      // the id may be a living job's again
      if (this.#index.get(id) === bucket.number) this.#index.delete(id)
      this.#size--
      dropped++
    }
    return dropped
  }

  #bucketFor(until: number, rememberMs: number): Bucket {
    const width = Math.max(1, 2 ** Math.floor(Math.log2(Math.max(1, rememberMs / 8))))
    const endsAt = Math.ceil(until / width) * width
    const known = this.#byEnd.get(endsAt)
    if (known !== undefined) return known
    const bucket: Bucket = { number: --this.#lastNumber, endsAt, ids: [] }
    this.#byEnd.set(endsAt, bucket)
    this.#byNumber.set(bucket.number, bucket)
    let place = this.#buckets.length
    while (place > 0 && this.#buckets[place - 1]!.endsAt > endsAt) place--
    this.#buckets.splice(place, 0, bucket)
    return bucket
  }
}
