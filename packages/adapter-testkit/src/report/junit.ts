import { AREAS } from '../case.ts'
import { failureText } from '../failure-text.ts'
import type { Result } from '../result.ts'
import type { RunReport } from '../run.ts'

/** The run as JUnit XML, one suite per area: what CI systems read. */
export function junitReport(report: RunReport): string {
  const suites = AREAS.map((area) => report.results.filter((result) => result.area === area)).filter(
    (results) => results.length > 0,
  )
  const lines = [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuites name="${xml(report.target)}" ${counts(report.results)}>`,
    ...suites.flatMap((results) => [
      `  <testsuite name="${results[0]!.area}" ${counts(results)}>`,
      ...results.map(testCase),
      '  </testsuite>',
    ]),
    '</testsuites>',
  ]
  return `${lines.join('\n')}\n`
}

function counts(results: readonly Result[]): string {
  const failures = results.filter((result) => result.status === 'fail' || result.status === 'xpass').length
  const skipped = results.filter((result) => isSkipped(result)).length
  const ms = results.reduce((sum, result) => sum + result.durationMs, 0)
  return `tests="${results.length}" failures="${failures}" skipped="${skipped}" errors="0" time="${(ms / 1000).toFixed(3)}"`
}

function testCase(result: Result): string {
  const head = `    <testcase classname="${result.area}" name="${xml(`${result.id} [${result.variant}]`)}" time="${(result.durationMs / 1000).toFixed(3)}"`
  if (result.status === 'fail')
    return `${head}>\n      <failure message="${xml(result.failure?.message ?? '')}">${xml(failureText(result))}</failure>\n    </testcase>`
  if (result.status === 'xpass')
    return `${head}>\n      <failure message="${xml(result.reason ?? '')}"/>\n    </testcase>`
  if (isSkipped(result))
    return `${head}>\n      <skipped message="${xml(`${result.status}: ${result.reason}`)}"/>\n    </testcase>`
  return `${head}/>`
}

function isSkipped({ status }: Result): boolean {
  return status === 'n/a' || status === 'waived' || status === 'inconclusive'
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&apos;',
}

/** XML 1.0 has no way to write most control characters: they become U+FFFD. */
function xml(text: string): string {
  return text
    .toWellFormed()
    .replace(/[&<>"']/g, (char) => ENTITIES[char] ?? char)
    .replace(/(?![\t\n\r])[\p{Cc}\ufffe\uffff]/gu, '\ufffd')
}
