import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'

const SCRIPT = join(import.meta.dirname, 'total.mjs')

function total(
  statuses: string[],
  reports: Record<string, unknown>,
): { lastLine: string; status: number | null } {
  const folder = mkdtempSync(join(tmpdir(), 'total-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  for (const [name, report] of Object.entries(reports)) {
    writeFileSync(join(folder, `${name}.json`), JSON.stringify(report))
  }
  const { stdout, status } = spawnSync(process.execPath, [SCRIPT, folder, ...statuses], { encoding: 'utf8' })
  return { lastLine: stdout.trimEnd().split('\n').at(-1) ?? '', status }
}

const tests = { numPassedTests: 7, numFailedTests: 0, numPendingTests: 0, numTodoTests: 0, testResults: [] }

it('adds up checks, tests and examples', () => {
  const reports = { check: { passed: 5, failed: 0 }, tests, examples: { passed: 2, failed: 0 } }
  expect(total(['servers=0', 'check=0', 'tests=0', 'examples=0'], reports)).toEqual({
    lastLine: '14 passed, 0 failed',
    status: 0,
  })
})

it('counts a step that broke down before it could report', () => {
  expect(total(['servers=1', 'tests=0'], { tests })).toEqual({ lastLine: '7 passed, 1 failed', status: 1 })
})

it('counts failed tests, and once each test file that did not load', () => {
  const failedTest = { status: 'failed', assertionResults: [{ status: 'failed' }] }
  const brokenFile = { status: 'failed', assertionResults: [] }
  const report = { ...tests, numFailedTests: 1, numPendingTests: 2, testResults: [failedTest, brokenFile] }
  expect(total(['tests=1'], { tests: report })).toEqual({
    lastLine: '7 passed, 2 failed, 2 skipped',
    status: 1,
  })
})
