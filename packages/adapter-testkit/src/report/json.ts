import type { RunReport } from '../run.ts'
import { scorecardOf } from '../scorecard.ts'
import { VERSION } from '../version.ts'

/** The whole run as JSON: scorecard, abilities, every result with its history. */
export function jsonReport(report: RunReport, strict = false): string {
  const { results, leftovers, abilities } = report
  return `${JSON.stringify({ kit: VERSION, ...scorecardOf(report, strict), abilities, leftovers, results }, null, 2)}\n`
}
