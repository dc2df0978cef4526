/** The scorecard and the list of cases, as text. */
import { type Case, LEVELS } from '../case.ts'
import type { Result } from '../result.ts'
import type { RunReport } from '../run.ts'
import { type Scorecard, scorecardOf, TIERS } from '../scorecard.ts'
import { VERSION } from '../version.ts'

export function scorecardText(report: RunReport, strict: boolean): string {
  const card = scorecardOf(report, strict)
  return [
    '',
    `@sched/adapter-testkit ${VERSION} · ${card.target} · seed ${card.seed} · ${(card.durationMs / 1000).toFixed(1)} s`,
    '',
    ...table(card),
    '',
    ...tierLines(card),
    ...section(
      'failed',
      report.results.filter((result) => result.status === 'fail'),
      (result) => `${result.level === 'must' ? '' : `(${result.level}) `}${result.failure?.message ?? ''}`,
    ),
    ...section(
      'waived, but passes: take the waiver out',
      report.results.filter((result) => result.status === 'xpass'),
    ),
    ...section(
      'waived',
      report.results.filter((result) => result.status === 'waived'),
    ),
    ...section(
      'inconclusive',
      report.results.filter((result) => result.status === 'inconclusive'),
    ),
    ...notApplicable(report.results),
    ...measured(report.results),
    ...(report.leftovers.length > 0
      ? ['left behind:', ...report.leftovers.map((text) => `  ${text}`), '']
      : []),
    `${card.conforms ? 'conforms' : 'does not conform'}${report.whole ? '' : ' (as far as the selected cases tell)'}`,
    '',
  ].join('\n')
}

function table(card: Scorecard): string[] {
  const rows = [...card.areas, { area: 'total', counts: card.total }].map(({ area, counts }) => [
    area,
    counts.pass,
    counts.fail,
    counts['n/a'],
    counts.waived,
    counts.xpass,
    counts.inconclusive,
  ])
  const head = ['area', 'passed', 'failed', 'n/a', 'waived', 'xpass', 'inconclusive']
  return [head, ...rows].map(
    ([area, ...cells]) =>
      `  ${String(area).padEnd(16)}${cells.map((cell, n) => String(cell).padStart(Math.max(8, head[n + 1]!.length + 2))).join('')}`,
  )
}

function tierLines({ tier, next, parts }: Scorecard): string[] {
  if (tier === undefined) return ['  tier  not judged: only some cases ran', '']
  const title = tier === 'none' ? 'none' : tier[0]!.toUpperCase() + tier.slice(1)
  const meaning = parts.length < 3 ? `for ${parts.join(' and ')} alone` : TIERS[tier]
  const lines = [`  tier  ${title} — ${meaning}`]
  if (next) {
    const more = next.missing.length > 6 ? `, and ${next.missing.length - 6} more` : ''
    lines.push(`        for ${next.tier}: ${next.missing.slice(0, 6).join(', ')}${more}`)
  }
  return [...lines, '']
}

function section(
  title: string,
  results: readonly Result[],
  detail = (result: Result): string => result.reason ?? '',
): string[] {
  if (results.length === 0) return []
  return [
    `${title}:`,
    ...results.map((result) => `  ${result.id} [${result.variant}]  ${detail(result)}`),
    '',
  ]
}

/** Grouped by reason: most are the same few. */
function notApplicable(results: readonly Result[]): string[] {
  const reasons = new Map<string, Set<string>>()
  for (const result of results) {
    if (result.status !== 'n/a') continue
    const ids = reasons.get(result.reason ?? '') ?? new Set()
    reasons.set(result.reason ?? '', ids.add(result.id))
  }
  if (reasons.size === 0) return []
  return [
    'n/a:',
    ...[...reasons].map(([reason, ids]) => {
      const shown = [...ids].slice(0, 3).join(', ')
      return `  ${reason}: ${shown}${ids.size > 3 ? ` and ${ids.size - 3} more` : ''}`
    }),
    '',
  ]
}

function measured(results: readonly Result[]): string[] {
  const lines = results.flatMap((result) =>
    result.notes.map((note) => `  ${result.id} [${result.variant}]  ${note}`),
  )
  return lines.length === 0 ? [] : ['measured:', ...lines, '']
}

export function listText(cases: readonly Case[]): string {
  const width = Math.max(...cases.map((one) => one.id.length)) + 2
  const lines = cases.map((one) => `${one.id.padEnd(width)}${one.level.padEnd(8)}${one.rule}`)
  const counts = LEVELS.map((level) => `${cases.filter((one) => one.level === level).length} ${level}`)
  return `${lines.join('\n')}\n\n${cases.length} cases: ${counts.join(', ')}\n`
}
