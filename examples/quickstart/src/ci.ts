// The README shows exactly this program, and it runs.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'

const program = join(import.meta.dirname, 'main.ts')
const readme = readFileSync(join(import.meta.dirname, '../../../README.md'), 'utf8')
const shown = `\`\`\`ts\n${readFileSync(program, 'utf8')}\`\`\``
assert.ok(readme.includes(shown), 'README.md does not show src/main.ts as it is')

const child = spawn(process.execPath, ['--import', 'tsx', '--conditions=@sched/source', program], {
  stdio: ['ignore', 'pipe', 'inherit'],
})
const closed = once(child, 'close')
const seen: string[] = []
for await (const line of createInterface({ input: child.stdout })) {
  seen.push(line)
  if (/attempt 1: a mail to ada@example\.com, in time for \d{4}-/.test(line)) child.kill('SIGINT')
}
assert.deepEqual(await closed, [0, null], `the quickstart did not end well after Ctrl-C:\n${seen.join('\n')}`)
console.log('the quickstart runs as the README shows it')
