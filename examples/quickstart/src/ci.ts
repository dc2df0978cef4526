// The README shows exactly this program, and it runs.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

const program = join(import.meta.dirname, 'main.ts')
const readme = readFileSync(join(import.meta.dirname, '../../../README.md'), 'utf8')
assert.ok(
  readme.includes(`\`\`\`ts\n${readFileSync(program, 'utf8')}\`\`\``),
  'README.md does not show src/main.ts as it is',
)

const run = spawnSync(process.execPath, ['--import', 'tsx', '--conditions=@sched/source', program], {
  encoding: 'utf8',
  timeout: 30_000,
})
assert.equal(run.status, 0, run.stderr)
assert.match(run.stdout, /attempt 1: a mail to ada@example\.com, in time for \d{4}-/)
console.log('the quickstart runs as the README shows it')
