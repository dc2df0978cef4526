/**
 * Puts a broken adapter through the cases, and compares what failed with its list.
 *
 * A case that never calls the broken part runs the very same code as over the sound model, so only those are run that do: which ones
 * is found out by watching the sound model, not by a list. Measurements are taken only where the mistake is one of speed.
 */
import type { Case } from '../case.ts'
import { MODEL_PARTS, type ModelParts, modelTarget } from '../model/target.ts'
import type { Result } from '../result.ts'
import { type PlannedCase, plan } from '../run.ts'
import { runCase } from '../run-case.ts'
import type { Mutant } from './mutant.ts'

type Part = keyof ModelParts

/** What every case calls at its start and end, whatever it is about. */
const EVERYWHERE = ['ready', 'close']

export class Trials {
  readonly #seed: number
  readonly #planned: readonly PlannedCase[]
  readonly #touched = new Map<PlannedCase, Set<string>>()
  /** What the sound model failed: nothing, or the rest means nothing. */
  readonly soundFailures: string[] = []

  private constructor(cases: readonly Case[], seed: number) {
    this.#seed = seed
    // core's namespaces change nothing, as the sound model and every real adapter show: once is enough here
    this.#planned = plan(cases).filter((planned) => planned.variant !== 'namespaced')
  }

  /** Runs the sound model once, and notes which parts each case calls. */
  static async begin(cases: readonly Case[], seed: number): Promise<Trials> {
    const trials = new Trials(cases, seed)
    const watchable = trials.#planned.filter((planned) => planned.case.area !== 'perf')
    await trials.#all(watchable, async (planned) => {
      const touched = new Set<string>()
      trials.#touched.set(planned, touched)
      const { status, failure, reason, id } = await trials.#run(planned, 'the sound model', watched(touched))
      if (status !== 'pass' && status !== 'n/a') {
        trials.soundFailures.push(`${id} [${planned.variant}]: ${failure?.message ?? reason}`)
      }
    })
    return trials
  }

  /** Case id → message, of every case that fails in one of its variants. */
  async failures(
    mutant: Pick<Mutant, 'mistake' | 'parts' | 'everywhere' | 'slow'>,
  ): Promise<ReadonlyMap<string, string>> {
    const broken = Object.keys(mutant.parts)
    const reached = this.#planned.filter(
      (planned) =>
        (planned.case.area !== 'perf' || mutant.slow) &&
        (mutant.everywhere || broken.some((part) => this.#reaches(planned, part))),
    )
    const failed = new Map<string, string>()
    await this.#all(reached, async (planned) => {
      const { id, status, failure, reason } = await this.#run(planned, mutant.mistake, mutant.parts)
      if (status !== 'pass' && status !== 'n/a' && !failed.has(id)) {
        failed.set(id, failure?.message ?? `${status}: ${reason}`)
      }
    })
    return failed
  }

  #reaches(planned: PlannedCase, part: string): boolean {
    // a part of one's own in place of core's is not there in the sound model
    const { area, needs } = planned.case
    if (area === 'perf') return needs.some((need) => need.startsWith(part))
    if (part === 'scheduleStore') return area === 'schedule-store'
    return this.#touched.get(planned)?.has(part) === true
  }

  async #run({ case: one, variant }: PlannedCase, name: string, parts: Partial<ModelParts>): Promise<Result> {
    return await runCase(modelTarget(name, parts), one, variant, {
      seed: this.#seed,
      quiet: true,
      replay: (id) => id,
    })
  }

  async #all(planned: readonly PlannedCase[], work: (planned: PlannedCase) => Promise<void>): Promise<void> {
    const alone = planned.filter((item) => item.case.alone)
    const together = planned.filter((item) => !item.case.alone)
    const next = async (): Promise<void> => {
      for (let item = together.shift(); item !== undefined; item = together.shift()) await work(item)
    }
    await Promise.all(Array.from({ length: 12 }, next))
    for (const item of alone) await work(item)
  }
}

/** What differs from the mutant's list, a line each; empty when it is exact. */
export function differences(mutant: Mutant, failed: ReadonlyMap<string, string>): string[] {
  const wrong: string[] = []
  for (const [id, said] of failed) {
    // where a slow machine began again with a longer lease, `fits` gave out other names
    const message = said.replaceAll(/-again\d+/g, '')
    if (mutant.sometimes?.includes(id)) continue
    const wanted = mutant.fails[id]
    if (wanted === undefined) wrong.push(`${id} should have passed, but failed: ${message}`)
    else if (![wanted].flat().some((part) => message.includes(part)))
      wrong.push(
        `${id} should have failed with “${[wanted].flat().join('” or “')}”, but did with: ${message}`,
      )
  }
  for (const [id, wanted] of Object.entries(mutant.fails)) {
    if (!failed.has(id))
      wrong.push(`${id} should have failed with “${[wanted].flat().join('” or “')}”, but passed`)
  }
  return wrong
}

/** The sound parts, noting in `touched` which of them are called. */
function watched(touched: Set<string>): Partial<ModelParts> {
  return Object.fromEntries(
    Object.entries(MODEL_PARTS).map(([part, make]) => [
      part,
      (node: never) => watch(make(node), part as Part, touched),
    ]),
  )
}

function watch<T extends object>(inner: T, part: Part, touched: Set<string>): T {
  return new Proxy(inner, {
    get(object, key) {
      const value: unknown = Reflect.get(object, key, object)
      if (typeof value !== 'function' || typeof key !== 'string') return value
      if (EVERYWHERE.includes(key)) return value.bind(object)
      return (...args: unknown[]) => {
        touched.add(part)
        return value.apply(object, args)
      }
    },
  })
}
