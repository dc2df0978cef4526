/**
 * The ids of jobs that are gone, each known until its `rememberMs` is over, so that a repeated insert is still answered `exists`.
 *
 * They are dropped by buckets, each holding what ends in one span of time: a few ids at every new one, so that no call pays for all.
 * Memory is bounded: beyond `max` ids the ones that would end soonest are forgotten early.
 */
interface Bucket {
  /** All its ids end by then, epoch ms. */
  readonly endsAt: number
  /** The span it covers. */
  readonly widthMs: number
  readonly places: number[]
  /** How many of them were dropped: from the first on. */
  dropped: number
}

/** Ids dropped at each new one: two, so that what ended is gone before as many have come again. */
const DROPPED_AT_ONCE = 2
const FIRST_CAPACITY = 64

export class RememberedIds {
  readonly #onDrop: (hash: number, place: number) => void
  readonly #max: number
  readonly #ids: string[] = []
  #hashes: Int32Array = new Int32Array(FIRST_CAPACITY)
  #until: Float64Array = new Float64Array(FIRST_CAPACITY)
  readonly #free: number[] = []
  /** Soonest end first. */
  readonly #buckets: Bucket[] = []
  #latest: Bucket | undefined
  #widthIsFor = 0
  #widthMs = 1
  #size = 0

  /** `onDrop` is told of every id that is forgotten. */
  constructor(max: number, onDrop: (hash: number, place: number) => void) {
    this.#max = max
    this.#onDrop = onDrop
  }

  /** Ids in memory, those included that ended and were not dropped yet. */
  get size(): number {
    return this.#size
  }

  idAt(place: number): string {
    return this.#ids[place]!
  }

  isLive(place: number, now: number): boolean {
    return this.#until[place]! > now
  }

  /** Remembers `id` until `until` (epoch ms); gives its place. `rememberMs`: how long that was of all. */
  add(id: string, hash: number, until: number, rememberMs: number): number {
    const place = this.#free.pop() ?? this.#ids.length
    if (place === this.#until.length) this.#grow()
    this.#ids[place] = id
    this.#hashes[place] = hash
    this.#until[place] = until
    this.#bucketFor(until, rememberMs).places.push(place)
    this.#size++
    return place
  }

  /** Drops up to `limit` ids that ended, or are too many. Gives how many it dropped. */
  drop(now: number, limit: number = DROPPED_AT_ONCE): number {
    let dropped = 0
    while (dropped < limit) {
      const bucket = this.#buckets[0]
      if (bucket === undefined || (bucket.endsAt > now && this.#size <= this.#max)) break
      const place = bucket.places[bucket.dropped++]
      if (place === undefined) {
        this.#buckets.shift()
        if (this.#latest === bucket) this.#latest = undefined
        continue
      }
      this.#onDrop(this.#hashes[place]!, place)
      this.#ids[place] = ''
      this.#free.push(place)
      this.#size--
      dropped++
    }
    return dropped
  }

  #bucketFor(until: number, rememberMs: number): Bucket {
    const widthMs = this.#widthFor(rememberMs)
    const latest = this.#latest
    if (latest !== undefined && latest.widthMs === widthMs && until <= latest.endsAt) {
      if (until > latest.endsAt - widthMs) return latest
    }
    const endsAt = Math.ceil(until / widthMs) * widthMs
    let place = this.#buckets.length
    while (place > 0 && this.#buckets[place - 1]!.endsAt > endsAt) place--
    const known = this.#buckets[place - 1]
    const bucket = known?.endsAt === endsAt ? known : { endsAt, widthMs, places: [], dropped: 0 }
    if (bucket !== known) this.#buckets.splice(place, 0, bucket)
    this.#latest = bucket
    return bucket
  }

  /**
   * A sixteenth to an eighth of the time, so that little is kept too long; a power of two, so that buckets are few however many
   * different times there are.
   */
  #widthFor(rememberMs: number): number {
    if (rememberMs !== this.#widthIsFor) {
      this.#widthIsFor = rememberMs
      this.#widthMs = 2 ** Math.floor(Math.log2(Math.max(rememberMs, 8) / 8))
    }
    return this.#widthMs
  }

  #grow(): void {
    const until = new Float64Array(this.#until.length * 2)
    until.set(this.#until)
    this.#until = until
    const hashes = new Int32Array(until.length)
    hashes.set(this.#hashes)
    this.#hashes = hashes
  }
}
