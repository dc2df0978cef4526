/** What a run amounts to: counts per area, and the tier that was reached. */
import { AREAS, type Area } from './case.ts'
import type { Result, Status } from './result.ts'
import { breaks, conforms, type RunReport } from './run.ts'

export type Tier = 'none' | 'base' | 'fenced' | 'fused'

/** What each tier means for the jobs that run on it. */
export const TIERS: Readonly<Record<Tier, string>> = {
  none: 'not conforming',
  base: 'at-least-once: jobs run, and run again after a crash; a stale finish may overwrite',
  fenced: 'compare-and-set, pages, server clock and receipts: a stale finish is refused',
  fused: 'its own job store: one round trip a batch',
}

export interface AreaScore {
  readonly area: Area
  readonly counts: Readonly<Record<Status, number>>
}

export interface Scorecard {
  readonly target: string
  readonly seed: number
  readonly durationMs: number
  readonly areas: readonly AreaScore[]
  readonly total: Readonly<Record<Status, number>>
  /** Undefined: not judged, because only a part of the cases ran. */
  readonly tier: Tier | undefined
  /** Which of the three parts the tier is about. */
  readonly parts: readonly string[]
  /** The next tier, and what keeps from it. */
  readonly next: { readonly tier: Tier; readonly missing: readonly string[] } | undefined
  readonly conforms: boolean
}

export function scorecardOf(report: RunReport, strict = false): Scorecard {
  const { results, abilities } = report
  const parts = (['storage', 'broker', 'lock'] as const).filter((part) => abilities[part])
  const judged = report.whole ? judge(report) : undefined
  return {
    target: report.target,
    seed: report.seed,
    durationMs: report.durationMs,
    areas: AREAS.map((area) => ({
      area,
      counts: count(results.filter((result) => result.area === area)),
    })).filter(({ counts }) => Object.values(counts).some((n) => n > 0)),
    total: count(results),
    tier: judged?.tier,
    parts,
    next: judged?.next,
    conforms: conforms(report, strict),
  }
}

function count(results: readonly Result[]): Record<Status, number> {
  const counts: Record<Status, number> = { pass: 0, fail: 0, 'n/a': 0, waived: 0, xpass: 0, inconclusive: 0 }
  for (const result of results) counts[result.status]++
  return counts
}

function judge(report: RunReport): Pick<Scorecard, 'tier' | 'next'> {
  const base = obstaclesToBase(report)
  if (base.length > 0) return { tier: 'none', next: { tier: 'base', missing: base } }
  const fenced = obstaclesToFenced(report)
  if (fenced.length > 0) return { tier: 'base', next: { tier: 'fenced', missing: fenced } }
  const fused = obstaclesToFused(report)
  if (fused.length > 0) return { tier: 'fenced', next: { tier: 'fused', missing: fused } }
  return { tier: 'fused', next: undefined }
}

function broken(report: RunReport, which: (result: Result) => boolean): string[] {
  // a waiver silences the run, and what could not be told does not fail it: neither earns a tier
  const counts = (result: Result): boolean =>
    breaks(result) || (result.status === 'waived' && result.level === 'must')
  return [
    ...new Set(report.results.filter((result) => counts(result) && which(result)).map((result) => result.id)),
  ]
}

function obstaclesToBase(report: RunReport): string[] {
  return [
    // slow is not wrong
    ...broken(report, (result) => result.variant !== 'fused' && result.area !== 'perf'),
    ...report.leftovers.slice(0, 1).map(() => 'something was left behind'),
  ]
}

function obstaclesToFenced({ abilities: { storage, broker, lock } }: RunReport): string[] {
  const missing = (['compareAndSet', 'page', 'now'] as const)
    .filter((method) => storage && !storage.methods.includes(method))
    .map((method) => `storage.${method}`)
  if (broker && !broker.methods.includes('claimLeases')) missing.push('broker.claimLeases')
  if (broker && broker.traits.receipts !== true) missing.push('the trait receipts')
  if (lock && !lock.methods.includes('acquireLease')) missing.push('lock.acquireLease')
  return missing
}

function obstaclesToFused(report: RunReport): string[] {
  const { abilities } = report
  if (!abilities.fused) return ['a job store of its own']
  return broken(report, (result) => result.variant === 'fused' && result.area !== 'perf')
}
