/**
 * Is there one order of these overlapping operations that explains every answer? The search of Wing and Gong ("Testing and Verifying
 * Concurrent Objects", 1993) with the memory of Lowe ("Testing for linearizability", 2017): take any operation that could come first,
 * see whether the model gives its answer, go on; a pair of (operations taken, state) is looked at once.
 */

export interface Operation<Input, Output> {
  readonly client: string
  readonly input: Input
  /** When it was called, and when its answer came; infinity where the answer was lost: it may have happened then, or not. */
  readonly called: number
  readonly answered: number
  /** Undefined where the answer was lost. */
  readonly output: Output | undefined
}

export interface SequentialModel<State, Input, Output> {
  readonly initial: State
  /** What the operation does to the state, and what it answers. Pure. */
  apply(state: State, input: Input): { readonly state: State; readonly output: Output }
  /** Equal states have equal keys. */
  key(state: State): string
  equal(seen: Output, expected: Output): boolean
}

export type Verdict<Input, Output> =
  | { readonly result: 'linearizable' }
  /** `explained`: the longest beginning that has an order; `stuck`: what could come next, but answered otherwise. */
  | {
      readonly result: 'not-linearizable'
      readonly explained: readonly Operation<Input, Output>[]
      readonly stuck: readonly Operation<Input, Output>[]
    }
  | { readonly result: 'inconclusive'; readonly reason: string }

const MAX_OPERATIONS = 2_000
const MAX_CLIENTS = 8
const MAX_STATES = 2_000_000

/** One object (one key): callers split the history by key first. */
export function checkLinearizable<State, Input, Output>(
  operations: readonly Operation<Input, Output>[],
  model: SequentialModel<State, Input, Output>,
): Verdict<Input, Output> {
  const clients = new Set(operations.map((one) => one.client)).size
  if (operations.length > MAX_OPERATIONS || clients > MAX_CLIENTS)
    return {
      result: 'inconclusive',
      reason: `${operations.length} operations of ${clients} clients are too many to search`,
    }
  return new Search(operations, model).run()
}

interface Step<State> {
  readonly index: number
  readonly before: State
}

class Search<State, Input, Output> {
  readonly #operations: readonly Operation<Input, Output>[]
  readonly #model: SequentialModel<State, Input, Output>
  readonly #taken: boolean[]
  readonly #path: Step<State>[] = []
  readonly #seen = new Set<string>()
  #state: State
  #longest: readonly number[] = []

  constructor(operations: readonly Operation<Input, Output>[], model: SequentialModel<State, Input, Output>) {
    this.#operations = [...operations].sort((a, b) => a.called - b.called)
    this.#model = model
    this.#taken = this.#operations.map(() => false)
    this.#state = model.initial
  }

  run(): Verdict<Input, Output> {
    let from = 0
    for (;;) {
      if (this.#answeredLeft() === 0) return { result: 'linearizable' }
      if (this.#seen.size > MAX_STATES)
        return { result: 'inconclusive', reason: `more than ${MAX_STATES} states` }
      const next = this.#candidate(from)
      if (next !== undefined) {
        from = 0
        continue
      }
      const last = this.#path.pop()
      if (!last) return this.#refuted()
      this.#taken[last.index] = false
      this.#state = last.before
      from = last.index + 1
    }
  }

  /** Takes the first operation from `from` on that may come next and is explained; undefined when there is none. */
  #candidate(from: number): number | undefined {
    const bound = this.#bound()
    for (let index = from; index < this.#operations.length; index++) {
      const one = this.#operations[index]!
      // what was called after another, not taken, was answered cannot come before it
      if (one.called > bound) return undefined
      if (this.#taken[index]) continue
      const { state, output } = this.#model.apply(this.#state, one.input)
      if (one.output !== undefined && !this.#model.equal(one.output, output)) continue
      this.#taken[index] = true
      const key = `${this.#takenKey()} ${this.#model.key(state)}`
      if (this.#seen.has(key)) {
        this.#taken[index] = false
        continue
      }
      this.#seen.add(key)
      this.#path.push({ index, before: this.#state })
      this.#state = state
      if (this.#path.length > this.#longest.length) this.#longest = this.#path.map((step) => step.index)
      return index
    }
    return undefined
  }

  #answeredLeft(): number {
    return this.#operations.filter((one, index) => !this.#taken[index] && one.output !== undefined).length
  }

  /** The earliest answer among those not taken. */
  #bound(): number {
    let bound = Number.POSITIVE_INFINITY
    for (const [index, one] of this.#operations.entries())
      if (!this.#taken[index] && one.answered < bound) bound = one.answered
    return bound
  }

  /** Most of the beginning is taken, most of the end is not: only what differs from that needs naming. */
  #takenKey(): string {
    const first = this.#taken.indexOf(false)
    const at = first < 0 ? this.#taken.length : first
    let key = `${at}`
    for (let index = at; index < this.#taken.length; index++) if (this.#taken[index]) key += `,${index}`
    return key
  }

  #refuted(): Verdict<Input, Output> {
    const explained = new Set(this.#longest)
    const left = this.#operations.filter((one, index) => !explained.has(index) && one.output !== undefined)
    const bound = Math.min(...left.map((one) => one.answered))
    return {
      result: 'not-linearizable',
      explained: this.#longest.map((index) => this.#operations[index]!),
      stuck: left.filter((one) => one.called <= bound),
    }
  }
}
