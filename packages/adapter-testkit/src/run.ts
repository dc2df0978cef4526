/** Runs many cases: independent ones side by side in a bounded pool, those marked `alone` after them, one at a time. */

import { type Case, LEVELS, type Level, type Variant } from './case.ts'
import { type Abilities, probe } from './probe.ts'
import { allCases } from './registry.ts'
import type { Result } from './result.ts'
import { runCase, settleWaiver } from './run-case.ts'
import { checkTarget, type Target, TargetError } from './target.ts'
import { variantsOf } from './variants.ts'

export interface Selection {
  /** Case ids, or beginnings of them (`broker/`, `storage/filter-`); default all. */
  readonly only?: readonly string[]
  /** Left out, named in the same ways. */
  readonly skip?: readonly string[]
  /** Cases of this level and stricter; default `may`: all. */
  readonly level?: Level
}

export interface RunOptions extends Selection {
  /** Default: a random one, which the report names. */
  readonly seed?: number
  /** Cases at a time; default 8. */
  readonly concurrency?: number
  readonly replay?: (id: string, seed: number) => string
  readonly onStart?: (planned: readonly PlannedCase[]) => void
  readonly onResult?: (result: Result) => void
}

export interface PlannedCase {
  readonly case: Case
  readonly variant: Variant
}

export interface RunReport {
  readonly target: string
  readonly seed: number
  readonly durationMs: number
  /** Whether every case was selected: only then a tier is reached. */
  readonly whole: boolean
  readonly abilities: Abilities
  readonly results: readonly Result[]
  /** What was left after cases: nodes that did not close, namespaces that were not destroyed. Not empty: the run fails. */
  readonly leftovers: readonly string[]
}

export const DEFAULT_CONCURRENCY = 8

export function randomSeed(): number {
  return (Math.random() * 2 ** 31) >>> 0
}

export function defaultReplay(id: string, seed: number): string {
  return `SCHED_TESTKIT_SEED=${seed} <your test command> -t "${id}"`
}

/** The cases that a selection names, in the order of the list. Throws {@link TargetError} when it names none. */
export function select(selection: Selection = {}, from: readonly Case[] = allCases): readonly Case[] {
  const strictest = LEVELS.indexOf(selection.level ?? 'may')
  const { only = [], skip = [] } = selection
  const names = (id: string, one: Case): boolean =>
    one.id === id || one.area === id || (/[/-]$/.test(id) && one.id.startsWith(id))
  const unknown = [...only, ...skip].filter((id) => !from.some((one) => names(id, one)))
  if (unknown.length > 0) throw new TargetError(`no case is called ${unknown.join(', ')}`)
  const chosen = from.filter(
    (one) =>
      LEVELS.indexOf(one.level) <= strictest &&
      (only.length === 0 || only.some((id) => names(id, one))) &&
      !skip.some((id) => names(id, one)),
  )
  if (chosen.length === 0) throw new TargetError('no case is selected')
  return chosen
}

/** One entry per case and variant. */
export function plan(cases: readonly Case[]): PlannedCase[] {
  return cases.flatMap((one) => variantsOf(one).map((variant) => ({ case: one, variant })))
}

/** Runs the selected cases against the target. Throws {@link TargetError} when the target cannot be run at all. */
export async function run(target: Target, options: RunOptions = {}): Promise<RunReport> {
  checkTarget(target)
  const start = performance.now()
  const seed = options.seed ?? randomSeed()
  checkWaivers(target)
  const planned = plan(select(options))
  const abilities = await probe(target)
  const results: Result[] = []
  const leftovers: string[] = []
  options.onStart?.(planned)
  const one = async (item: PlannedCase): Promise<void> => {
    const result = await runCase(target, item.case, item.variant, {
      seed,
      replay: options.replay ?? defaultReplay,
      onLeftover: (text) => leftovers.push(text),
    })
    results[planned.indexOf(item)] = result
    options.onResult?.(result)
  }
  await pool(
    planned.filter((item) => !item.case.alone),
    options.concurrency ?? DEFAULT_CONCURRENCY,
    one,
  )
  await pool(
    planned.filter((item) => item.case.alone),
    1,
    one,
  )
  await target.end?.()
  const settled = results.map((result) =>
    settleWaiver(
      result,
      results.filter((other) => other.id === result.id),
    ),
  )
  // measurements are no rule of correctness
  const chosen = new Set(planned.map((item) => item.case))
  const whole = allCases.every((one) => one.area === 'perf' || chosen.has(one))
  return {
    target: target.name,
    seed,
    durationMs: performance.now() - start,
    whole,
    abilities,
    results: settled,
    leftovers,
  }
}

/** A waiver that names no case would silence nothing, unnoticed. Throws {@link TargetError}. */
export function checkWaivers(target: Target): void {
  const unknown = Object.keys(target.waive ?? {}).filter((id) => !allCases.some((one) => one.id === id))
  if (unknown.length > 0) throw new TargetError(`the target waives what is no case: ${unknown.join(', ')}`)
}

async function pool<T>(items: readonly T[], size: number, work: (item: T) => Promise<void>): Promise<void> {
  const left = [...items]
  const next = async (): Promise<void> => {
    for (let item = left.shift(); item !== undefined; item = left.shift()) await work(item)
  }
  await Promise.all(Array.from({ length: Math.min(size, items.length) }, next))
}

/** Whether the run conforms: nothing of level must failed, no waiver is out of date, nothing was left behind. */
export function conforms(report: RunReport, strict = false): boolean {
  return report.leftovers.length === 0 && !report.results.some((result) => breaks(result, strict))
}

/** `strict`: cases of level should count as well. */
export function breaks(result: Result, strict = false): boolean {
  if (result.status === 'xpass') return true
  return result.status === 'fail' && (result.level === 'must' || (strict && result.level === 'should'))
}
