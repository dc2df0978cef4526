import { beforeAll, expect, test } from 'vitest'
import type { Case } from '../case.ts'
import { allCases } from '../registry.ts'
import { type BrokenArea, mutants } from './all.ts'
import { differences, Trials } from './trial.ts'

/** What random sequences find depends on it; the lists hold for this one. */
const SEED = 7

/** Random rounds take long, and find what the other hybrid cases name. */
const hybridCases: readonly Case[] = allCases.filter((one) => one.area === 'hybrid' && !one.alone)
/** The hybrid cases say what goes wrong between two systems, for mistakes that are made there; of others the cases about one system tell. */
const otherCases: readonly Case[] = allCases.filter((one) => one.area !== 'hybrid')

/** One test a mutant: exactly the cases on its list fail, each with its message, and all others pass. */
export function prove(...areas: readonly BrokenArea[]): void {
  let trials: Trials
  beforeAll(async () => {
    trials = await Trials.begin(areas.includes('hybrid') ? hybridCases : otherCases, SEED)
  }, 120_000)

  test('the sound model passes every case', () => {
    expect(trials.soundFailures).toEqual([])
  })

  for (const area of areas) {
    for (const mutant of mutants[area]) {
      test(`${area}: ${mutant.mistake}`, { timeout: 120_000 }, async () => {
        expect(differences(mutant, await trials.failures(mutant))).toEqual([])
      })
    }
  }
}
