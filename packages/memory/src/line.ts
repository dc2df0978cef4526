/**
 * A line of slots in the order of (at, ticket): the one ordered structure behind ready and delayed jobs, leases, expiries and
 * histories. What is due comes first by itself, so a million future entries cost a claim nothing.
 *
 * A slot is a small integer, the owner's index of whatever waits; `at` is an instant (epoch ms); a ticket is a number that its owner
 * draws and that only grows, so that equals stay in their order. (at, ticket) is unique in a line.
 *
 * Kept as a list of sorted chunks of typed arrays, 20 bytes an entry: adding at the end and taking from the front touch one chunk;
 * everything else is a binary search and one short move.
 */
const CHUNK = 512
const FIRST_CAPACITY = 16

class Chunk {
  ats: Float64Array
  tickets: Float64Array
  slots: Int32Array
  start = 0
  end = 0

  constructor(capacity: number) {
    this.ats = new Float64Array(capacity)
    this.tickets = new Float64Array(capacity)
    this.slots = new Int32Array(capacity)
  }

  get size(): number {
    return this.end - this.start
  }

  /** Makes room for one more at the end. False when the chunk is full. */
  makeRoom(): boolean {
    if (this.end < this.ats.length) return true
    if (this.start > this.ats.length >> 1 || (this.start > 0 && this.ats.length === CHUNK)) {
      this.#moveTo(this.ats, this.tickets, this.slots)
      return true
    }
    if (this.ats.length >= CHUNK) return false
    const capacity = Math.min(CHUNK, this.ats.length * 4)
    this.#moveTo(new Float64Array(capacity), new Float64Array(capacity), new Int32Array(capacity))
    return true
  }

  put(position: number, at: number, ticket: number, slot: number): void {
    if (position < this.end) {
      this.ats.copyWithin(position + 1, position, this.end)
      this.tickets.copyWithin(position + 1, position, this.end)
      this.slots.copyWithin(position + 1, position, this.end)
    }
    this.ats[position] = at
    this.tickets[position] = ticket
    this.slots[position] = slot
    this.end++
  }

  cut(position: number): void {
    if (position === this.start) {
      this.start++
      return
    }
    this.ats.copyWithin(position, position + 1, this.end)
    this.tickets.copyWithin(position, position + 1, this.end)
    this.slots.copyWithin(position, position + 1, this.end)
    this.end--
  }

  /** Moves everything from `position` on into a chunk of its own. */
  split(position: number): Chunk {
    const rest = new Chunk(CHUNK)
    rest.append(this, position)
    this.end = position
    return rest
  }

  /** Appends what `other` has from `position` on. The room must be there. */
  append(other: Chunk, position: number): void {
    this.ats.set(other.ats.subarray(position, other.end), this.end)
    this.tickets.set(other.tickets.subarray(position, other.end), this.end)
    this.slots.set(other.slots.subarray(position, other.end), this.end)
    this.end += other.end - position
  }

  /** The first position whose entry is not before (at, ticket). */
  seek(at: number, ticket: number): number {
    let low = this.start
    let high = this.end
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.before(middle, at, ticket)) low = middle + 1
      else high = middle
    }
    return low
  }

  before(position: number, at: number, ticket: number): boolean {
    const own = this.ats[position]!
    return own < at || (own === at && this.tickets[position]! < ticket)
  }

  #moveTo(ats: Float64Array, tickets: Float64Array, slots: Int32Array): void {
    const { start, end } = this
    ats.set(this.ats.subarray(start, end))
    tickets.set(this.tickets.subarray(start, end))
    slots.set(this.slots.subarray(start, end))
    this.ats = ats
    this.tickets = tickets
    this.slots = slots
    this.start = 0
    this.end = end - start
  }
}

export class Line {
  readonly #chunks: Chunk[] = []
  #size = 0
  /** The ticket added last: entries that arrive one behind the other are packed densely. */
  #lastTicket = -1
  #spare: Chunk | undefined

  get size(): number {
    return this.#size
  }

  /** The first entry's instant; Infinity when the line is empty. */
  get headAt(): number {
    const chunk = this.#chunks[0]
    return chunk === undefined ? Number.POSITIVE_INFINITY : chunk.ats[chunk.start]!
  }

  get headTicket(): number {
    const chunk = this.#chunks[0]
    return chunk === undefined ? Number.POSITIVE_INFINITY : chunk.tickets[chunk.start]!
  }

  /** The first entry's slot; −1 when the line is empty. */
  get headSlot(): number {
    const chunk = this.#chunks[0]
    return chunk === undefined ? -1 : chunk.slots[chunk.start]!
  }

  add(at: number, ticket: number, slot: number): void {
    const chunks = this.#chunks
    const last = chunks[chunks.length - 1]
    if (last === undefined || last.before(last.end - 1, at, ticket)) this.#append(last, at, ticket, slot)
    else this.#insert(this.#chunkOf(at, ticket), at, ticket, slot)
    this.#lastTicket = ticket
    this.#size++
  }

  /** Takes the first entry out and gives its slot; −1 when the line is empty. */
  shift(): number {
    const chunk = this.#chunks[0]
    if (chunk === undefined) return -1
    const slot = chunk.slots[chunk.start]!
    chunk.start++
    this.#size--
    if (chunk.start === chunk.end) this.#drop(0)
    return slot
  }

  /** Whether the entry was there. */
  remove(at: number, ticket: number): boolean {
    const index = this.#chunkOf(at, ticket)
    const chunk = this.#chunks[index]
    if (chunk === undefined) return false
    const position = chunk.seek(at, ticket)
    if (chunk.ats[position] !== at || chunk.tickets[position] !== ticket) return false
    chunk.cut(position)
    this.#size--
    if (chunk.size === 0) this.#drop(index)
    else if (chunk.size < CHUNK / 4) this.#merge(index)
    return true
  }

  /** The first instant later than `at`; Infinity when there is none. */
  nextAfter(at: number): number {
    const chunk = this.#chunks[this.#chunkOf(at, Number.POSITIVE_INFINITY)]
    return chunk === undefined
      ? Number.POSITIVE_INFINITY
      : chunk.ats[chunk.seek(at, Number.POSITIVE_INFINITY)]!
  }

  /** How many entries are at or before `at`. */
  countUntil(at: number): number {
    const index = this.#chunkOf(at, Number.POSITIVE_INFINITY)
    let count = 0
    for (let i = 0; i < index; i++) count += this.#chunks[i]!.size
    const chunk = this.#chunks[index]
    return chunk === undefined ? count : count + chunk.seek(at, Number.POSITIVE_INFINITY) - chunk.start
  }

  /** The last entry at or before `at`; undefined when there is none. */
  lastUntil(at: number): { readonly at: number; readonly ticket: number; readonly slot: number } | undefined {
    const index = this.#chunkOf(at, Number.POSITIVE_INFINITY)
    let chunk = this.#chunks[index]
    let position = chunk === undefined ? -1 : chunk.seek(at, Number.POSITIVE_INFINITY) - 1
    if (chunk === undefined || position < chunk.start) {
      chunk = this.#chunks[index - 1]
      if (chunk === undefined) return undefined
      position = chunk.end - 1
    }
    return { at: chunk.ats[position]!, ticket: chunk.tickets[position]!, slot: chunk.slots[position]! }
  }

  clear(): void {
    this.#chunks.length = 0
    this.#size = 0
  }

  /** Every slot in order. The line must not change meanwhile. */
  *slots(): Generator<number> {
    for (const chunk of this.#chunks) {
      for (let position = chunk.start; position < chunk.end; position++) yield chunk.slots[position]!
    }
  }

  #append(last: Chunk | undefined, at: number, ticket: number, slot: number): void {
    let chunk = last
    if (chunk === undefined || !chunk.makeRoom()) {
      chunk = last === undefined ? (this.#spare ?? new Chunk(FIRST_CAPACITY)) : new Chunk(CHUNK)
      this.#spare = undefined
      this.#chunks.push(chunk)
    }
    chunk.put(chunk.end, at, ticket, slot)
  }

  #insert(index: number, at: number, ticket: number, slot: number): void {
    const chunk = this.#chunks[index]!
    let position = chunk.seek(at, ticket)
    if (position === chunk.start && index > 0) {
      const previous = this.#chunks[index - 1]!
      if (previous.makeRoom()) {
        previous.put(previous.end, at, ticket, slot)
        return
      }
    }
    const offset = position - chunk.start
    if (chunk.makeRoom()) {
      chunk.put(chunk.start + offset, at, ticket, slot)
      return
    }
    // behind the entry added last, a whole chunk of room is opened: more are likely to follow there
    const inSequence = position > chunk.start && chunk.tickets[position - 1] === this.#lastTicket
    const cut = inSequence ? position : (chunk.start + chunk.end) >>> 1
    const rest = chunk.split(cut)
    this.#chunks.splice(index + 1, 0, rest)
    if (position <= cut) chunk.put(position, at, ticket, slot)
    else {
      position -= cut
      rest.put(position, at, ticket, slot)
    }
  }

  /** The index of the first chunk whose last entry is not before (at, ticket). */
  #chunkOf(at: number, ticket: number): number {
    const chunks = this.#chunks
    let low = 0
    let high = chunks.length
    while (low < high) {
      const middle = (low + high) >>> 1
      const chunk = chunks[middle]!
      if (chunk.before(chunk.end - 1, at, ticket)) low = middle + 1
      else high = middle
    }
    return low
  }

  #merge(index: number): void {
    const chunk = this.#chunks[index]!
    const previous = this.#chunks[index - 1]
    if (previous === undefined || previous.ats.length < CHUNK) return
    if (previous.end + chunk.size > CHUNK) return
    previous.append(chunk, chunk.start)
    this.#drop(index)
  }

  #drop(index: number): void {
    const [chunk] = index === 0 ? [this.#chunks.shift()] : this.#chunks.splice(index, 1)
    if (this.#chunks.length > 0 || chunk === undefined) return
    // a line that empties and fills again all the time keeps its last chunk
    chunk.start = 0
    chunk.end = 0
    this.#spare = chunk
  }
}
