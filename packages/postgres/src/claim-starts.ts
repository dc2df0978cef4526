/**
 * Where a claim begins. Claims delete from the head of an index, and while somebody holds an old snapshot open what they deleted stays
 * there: each claim would scan past all of it. So a process remembers how far it came in each rank, and begins there.
 *
 * Only a full batch of one type is remembered, and not for long: what was put back, or committed, behind the start is found by the next
 * claim without one, or by a claim that finds too little.
 */
import type { ClaimRequest, Outcome } from '@sched/core/adapter'
import type { JobPlace } from './job-settle.ts'

/** Smaller claims are those of an idle queue, or care for the exact order. */
const SMALLEST_BATCH = 50
const REMEMBERED_MS = 500
const RANKS = 41
const FIRST_RANK = -20

export class ClaimStarts {
  #type: string | undefined
  #starts: number[] | null = null
  #until = 0

  /** One for each rank; null: from the beginning. Putting something back forgets them. */
  of(want: ClaimRequest | undefined, outcomes: readonly Outcome[]): readonly number[] | null {
    if (this.#starts === null || want === undefined) return null
    const isMine =
      want.types.length === 1 && want.types[0]?.type === this.#type && want.limit >= SMALLEST_BATCH
    const putsBack = outcomes.some(({ kind }) => kind === 'release' || kind === 'retry' || kind === 'snooze')
    if (!isMine || putsBack || performance.now() > this.#until) this.#starts = null
    return this.#starts
  }

  note(want: ClaimRequest | undefined, places: readonly JobPlace[]): void {
    const [first, ...others] = want?.types ?? []
    if (want === undefined || first === undefined || others.length > 0 || want.limit < SMALLEST_BATCH) return
    if (places.length < want.limit) {
      this.#starts = null
      return
    }
    if (this.#starts === null) {
      this.#starts = new Array<number>(RANKS).fill(0)
      this.#type = first.type
      this.#until = performance.now() + REMEMBERED_MS
    }
    for (const { rank, due } of places) {
      const at = rank - FIRST_RANK
      this.#starts[at] = Math.max(this.#starts[at] ?? 0, due)
    }
  }
}
