// What CI asks of the demo, as a user would run it: real files, the exit codes, and Ctrl-C.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

interface Ended {
  code: number | null
  output: string
}

const folder = await mkdtemp(join(tmpdir(), 'sched-demo-'))
try {
  const repository = await demo([])
  assert.equal(repository.code, 0, repository.output)
  assert.match(repository.output, /README\.md/)
  assert.match(repository.output, /dead letter .*: reach-the-unreachable, 3 attempts/)
  assert.match(repository.output, /the delayed job ran 2[5-9]\d\d ms after it was enqueued/)
  assert.match(repository.output, /second 1: /)
  assert.match(repository.output, /second 2: /)
  assert.match(repository.output, /all links lead somewhere/)

  await writeFile(
    join(folder, 'one.md'),
    '# One\n\n[good](two.md#part-two) [gone](three.md) [no such heading](two.md#part-three)\n',
  )
  await writeFile(
    join(folder, 'two.md'),
    '# Two\n\n## Part two\n\n[elsewhere](https://example.com/nothing.md) [here](#two)\n',
  )
  const broken = await demo([folder])
  assert.equal(broken.code, 1, broken.output)
  assert.match(broken.output, /one\.md:3 {2}three\.md {2}no such file: three\.md/)
  assert.match(broken.output, /one\.md:3 {2}two\.md#part-three {2}no heading #part-three in two\.md/)
  assert.match(broken.output, /2 broken links/)

  const interrupted = await demo([folder], 'SIGINT', /second 1/)
  assert.equal(interrupted.code, 130, interrupted.output)
  assert.match(interrupted.output, /stopped: 2 of 2 pages were checked/)

  assert.equal((await demo(['--help'])).code, 0)
  assert.equal((await demo(['--concurrency', 'many'])).code, 2)
  assert.equal((await demo([join(folder, 'nowhere')])).code, 2)
  console.log('the demo does what it says')
} finally {
  await rm(folder, { recursive: true })
}

/** Runs the demo to its end; with `signal`, sends that when the output matches `when`. */
function demo(args: string[], signal?: NodeJS.Signals, when?: RegExp): Promise<Ended> {
  const tsx = ['--import', 'tsx', '--conditions=@sched/source']
  const child = spawn(process.execPath, [...tsx, join(import.meta.dirname, 'main.ts'), ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  let sent = false
  const collect = (chunk: Buffer) => {
    output += chunk.toString()
    if (signal && !sent && when?.test(output)) {
      sent = true
      child.kill(signal)
    }
  }
  child.stdout.on('data', collect)
  child.stderr.on('data', collect)
  return new Promise((resolve) => child.on('close', (code) => resolve({ code, output })))
}
