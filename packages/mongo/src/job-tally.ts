/** The counters of what ended. They are written by the command that ends the jobs, so that a process that dies loses none. */
import type { FinalState } from '@sched/core/adapter'
import type { Change } from './job-changes.ts'
import type { TallyDocument } from './job-document.ts'
import type { Statement } from './job-space.ts'

/** So many documents a scope hold them; a process writes one. */
export const SLOTS = 32

const LETTERS: Readonly<Record<FinalState, 'c' | 'f' | 'x'>> = { completed: 'c', failed: 'f', cancelled: 'x' }

export class Tally {
  readonly #counts = new Map<string, number>()

  /** `times` −1 takes it back. */
  count(type: number, { ended, durationMs }: Pick<Change, 'ended' | 'durationMs'>, times = 1): void {
    if (ended === undefined) return
    this.#add(`n.${type}.${LETTERS[ended]}`, times)
    if (durationMs) this.#add(`n.${type}.d`, times * durationMs)
  }

  /** At most one. */
  statements({ scope, slot }: { readonly scope: number; readonly slot: number }): Statement[] {
    const counts = [...this.#counts].filter(([, count]) => count !== 0)
    if (counts.length === 0) return []
    const _id: TallyDocument['_id'] = { c: scope, k: slot }
    return [{ q: { _id }, u: { $inc: Object.fromEntries(counts) }, upsert: true }]
  }

  #add(field: string, count: number): void {
    this.#counts.set(field, (this.#counts.get(field) ?? 0) + count)
  }
}
