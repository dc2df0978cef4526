#!/usr/bin/env node
// `npm run check`: everything short of the tests. A failing step does not hide the next; the exit status tells whether one failed.
// `--report FILE` writes `{ passed, failed }`.
import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { root } from './pnpm.mjs'

const { values } = parseArgs({ options: { report: { type: 'string' } } })

const steps = {
  'lint and format': ['biome', 'check', '--error-on-warnings'],
  types: [
    'turbo',
    'run',
    'typecheck:packages',
    'typecheck:examples',
    'typecheck:scripts',
    '--continue',
    '--output-logs=errors-only',
  ],
  imports: ['depcruise', '--config', '.dependency-cruiser.mjs', 'packages', 'examples'],
  'unused code and dependencies': ['knip', '--no-config-hints'],
  packages: ['turbo', 'run', 'package', '--continue=dependencies-successful', '--output-logs=errors-only'],
}

const failed = []
for (const [title, [command, ...args]] of Object.entries(steps)) {
  console.log(`\n── ${title}: ${command} ${args.join(' ')}`)
  const { status, error } = spawnSync(command, args, { cwd: root, stdio: 'inherit' })
  if (error) console.error(error.message)
  if (status !== 0) failed.push(title)
}

const total = Object.keys(steps).length
console.log(
  `\n${total - failed.length} of ${total} checks passed${failed.length > 0 ? `; not: ${failed.join(', ')}` : ''}`,
)
if (values.report) {
  writeFileSync(values.report, JSON.stringify({ passed: total - failed.length, failed: failed.length }))
}
process.exit(failed.length > 0 ? 1 : 0)
