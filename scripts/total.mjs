#!/usr/bin/env node
// The closing lines of .ci/run: `total.mjs FOLDER STEP=STATUS…` adds up what the steps wrote to FOLDER/STEP.json. A step that failed
// without saying how counts as one failure.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

const [folder, ...steps] = process.argv.slice(2)
const total = { passed: 0, failed: 0, skipped: 0 }

console.log()
for (const step of steps) {
  const [name, status] = step.split('=')
  const count = countOf(name)
  if (status !== '0' && count.failed === 0) count.failed = 1
  for (const key of Object.keys(total)) total[key] += count[key]
  console.log(`${name}: ${count.passed} ok, ${count.failed} not ok`)
}
console.log(
  `${total.passed} passed, ${total.failed} failed${total.skipped > 0 ? `, ${total.skipped} skipped` : ''}`,
)
process.exit(total.failed > 0 ? 1 : 0)

function countOf(name) {
  const report = read(name)
  if (!report) return { passed: 0, failed: 0, skipped: 0 }
  if (!report.testResults) return { skipped: 0, ...report }
  // A file that did not load has no failed test of its own.
  const broken = report.testResults.filter(
    ({ status, assertionResults }) =>
      status === 'failed' && !assertionResults.some((result) => result.status === 'failed'),
  )
  return {
    passed: report.numPassedTests,
    failed: report.numFailedTests + broken.length,
    skipped: report.numPendingTests + report.numTodoTests,
  }
}

function read(name) {
  try {
    return JSON.parse(readFileSync(join(folder, `${name}.json`), 'utf8'))
  } catch {
    return undefined
  }
}
