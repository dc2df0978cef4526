/** The counters of what ended. They are written by the command that ends the jobs, so that a process that dies loses none. */
import type { FinalState } from '@sched/core/adapter'
import type { Change } from './job-changes.ts'
import type { TallyDocument } from './job-document.ts'
import type { Statement } from './job-space.ts'

/** So many documents a scope hold them; a process writes one. */
export const SLOTS = 32

const LETTERS: Readonly<Record<FinalState, 'c' | 'f' | 'x'>> = { completed: 'c', failed: 'f', cancelled: 'x' }

/** Of one type: completed, failed and cancelled ones, and the milliseconds of the completed. */
interface Counts {
  c: number
  f: number
  x: number
  d: number
}

export class Tally {
  readonly #counts = new Map<number, Counts>()

  /** `times` −1 takes it back. */
  count(type: number, { ended }: Pick<Change, 'ended'>, times = 1): void {
    if (ended !== undefined) this.#of(type)[LETTERS[ended]] += times
  }

  /** How long the handler of a completed one ran, in milliseconds. */
  ran(type: number, ms: number, times = 1): void {
    this.#of(type).d += times * ms
  }

  /** At most one. */
  statements({ scope, slot }: { readonly scope: number; readonly slot: number }): Statement[] {
    const counts = [...this.#counts].flatMap(([type, counted]) =>
      Object.entries(counted).flatMap(([letter, count]) =>
        count === 0 ? [] : [[`n.${type}.${letter}`, count]],
      ),
    )
    if (counts.length === 0) return []
    const _id: TallyDocument['_id'] = { c: scope, k: slot }
    return [{ q: { _id }, u: { $inc: Object.fromEntries(counts) }, upsert: true }]
  }

  #of(type: number): Counts {
    let counts = this.#counts.get(type)
    if (counts === undefined) {
      counts = { c: 0, f: 0, x: 0, d: 0 }
      this.#counts.set(type, counts)
    }
    return counts
  }
}
