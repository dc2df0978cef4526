/**
 * Where a claim looks. Alone it takes the head of the line, so the order holds while nobody competes. When others were quicker with most of what it
 * saw, it goes on at a random place further down and stays on its own stretch from there; where it jumped to a place that was just as crowded, the
 * next jump may go further. So claimers spread over the front of the line by remembered places, and none reads past what it does not take. Every
 * so often each looks at the head again, so that nothing there is left behind.
 */
import type { Document } from 'mongodb'
import type { JobDocument } from './job-document.ts'

/** A jump goes at most 2^level times as far as the stretch that was lost. */
const FIRST_LEVEL = 6
const LEVEL_STEP = 2
const LAST_LEVEL = 40
/** Looks elsewhere before the next one at the head. */
const LOOKS_ELSEWHERE = 16

type Place = Pick<JobDocument, 'r' | 'd'>

export interface SpreadRound {
  /** What was tried for, in order. */
  readonly chosen: readonly Place[]
  readonly taken: number
  /** There was more where this look was. */
  readonly more: boolean
}

interface Stretch extends Place {
  /** From its first job to its last. */
  readonly length: number
}

export class JobSpread {
  readonly #random: () => number
  #level = 0
  /** Beyond it; undefined: at the head. */
  #start: Place | undefined
  #elsewhere = 0
  /** What was lost last, and whether the look after it is still to come. */
  #lost: Stretch | undefined
  #jumped = false

  constructor(random: () => number = Math.random) {
    this.#random = random
  }

  /** What to look at, beside type and state. */
  from(): Document {
    if (this.#start === undefined || this.#elsewhere >= LOOKS_ELSEWHERE) {
      this.#start = undefined
      this.#elsewhere = 0
      return {}
    }
    this.#elsewhere++
    return { r: this.#start.r, d: { $gt: this.#start.d } }
  }

  /** The look is at the head of the line. */
  get isAtHead(): boolean {
    return this.#start === undefined
  }

  /** What became of the look. True: there may be more elsewhere. */
  report({ chosen, taken, more }: SpreadRound): boolean {
    const wasElsewhere = this.#start !== undefined
    const hadJumped = this.#jumped
    this.#jumped = false
    const lost = chosen.length - taken
    const last = chosen.at(-1)
    if (last === undefined) this.#beyondTheEnd(wasElsewhere && hadJumped)
    else if (lost * 2 > chosen.length) {
      if (wasElsewhere && hadJumped) this.#level = Math.min(this.#level + LEVEL_STEP, LAST_LEVEL)
      this.#level = Math.max(this.#level, FIRST_LEVEL)
      this.#jump(stretchOf(chosen[0] as Place, last, chosen.length))
    } else if (wasElsewhere || lost > 0) this.#start = more ? last : undefined
    else this.#level = Math.max(0, this.#level - 1)
    return wasElsewhere || lost > 0
  }

  #jump(lost: Stretch): void {
    this.#lost = lost
    this.#jumped = true
    this.#start = { r: lost.r, d: lost.d + this.#random() * lost.length * 2 ** this.#level }
  }

  #beyondTheEnd(jumped: boolean): void {
    this.#start = undefined
    if (!jumped || this.#lost === undefined || this.#level <= 1) return
    this.#level -= LEVEL_STEP
    this.#jump(this.#lost)
  }
}

function stretchOf(first: Place, last: Place, count: number): Stretch {
  return { r: last.r, d: last.d, length: first.r === last.r ? Math.max(last.d - first.d, count) : count }
}
