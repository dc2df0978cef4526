/** Puts a broken adapter through every case, and compares what failed with its list. */
import type { Case, Variant } from '../case.ts'
import { modelTarget } from '../model/target.ts'
import { allCases } from '../registry.ts'
import type { Result } from '../result.ts'
import { run } from '../run.ts'
import type { Mutant } from './mutant.ts'

export interface Trial {
  /** Case id → its message, of every case that failed in one of its variants. */
  readonly failed: ReadonlyMap<string, string>
  readonly results: readonly Result[]
}

/** Every case in every variant, over the model with this mistake. */
export async function tryMutant(mutant: Pick<Mutant, 'mistake' | 'parts'>, seed: number): Promise<Trial> {
  const { results } = await run(modelTarget(mutant.mistake, mutant.parts), { seed, concurrency: 24 })
  const failed = new Map<string, string>()
  for (const { id, status, failure, reason } of results) {
    if (status !== 'pass' && status !== 'n/a' && !failed.has(id))
      failed.set(id, failure?.message ?? `${status}: ${reason}`)
  }
  return { failed, results }
}

/** What differs from the mutant's list, a line each; empty when it is exact. */
export function differences(mutant: Mutant, { failed }: Trial): string[] {
  const wrong: string[] = []
  for (const [id, message] of failed) {
    const wanted = mutant.fails[id]
    if (wanted === undefined) wrong.push(`${id} should have passed, but failed: ${message}`)
    else if (!message.includes(wanted))
      wrong.push(`${id} should have failed with “${wanted}”, but did with: ${message}`)
  }
  for (const [id, wanted] of Object.entries(mutant.fails)) {
    if (!failed.has(id)) wrong.push(`${id} should have failed with “${wanted}”, but passed`)
  }
  return wrong
}

export const caseIds: ReadonlySet<string> = new Set(allCases.map((one: Case) => one.id))
export type { Variant }
