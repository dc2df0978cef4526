// Two workers, one of them killed by SIGKILL half-way: every job is done, and every one is recorded as completed.
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { EventEmitter, once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { openScheduler } from './thumbnails.ts'

const JOBS = 2_000
const LIMIT_MS = 60_000

process.env.THUMBNAILS_ENVIRONMENT = `ci-${process.pid}`
const lines = new EventEmitter<{ line: [string] }>()

function start(program: string): ChildProcess {
  const path = join(import.meta.dirname, program)
  const child = spawn(process.execPath, ['--import', 'tsx', '--conditions=@sched/source', path], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  createInterface({ input: child.stdout }).on('line', (line) => lines.emit('line', line))
  return child
}

/** Resolves when `enough` says so of the lines seen since now. */
function seen(enough: (line: string) => boolean): Promise<void> {
  return new Promise((resolve) => {
    const listener = (line: string): void => {
      if (!enough(line)) return
      lines.off('line', listener)
      resolve()
    }
    lines.on('line', listener)
  })
}

const limit = AbortSignal.timeout(LIMIT_MS)
limit.addEventListener('abort', () => {
  console.error(`not all jobs were done within ${LIMIT_MS / 1000} s`)
  process.exit(1)
})

let ready = 0
const bothReady = seen((line) => line === 'ready' && ++ready === 2)
const workers = [start('worker.ts'), start('worker.ts')] as const
await bothReady

const runs = new Map<string, number>()
const upTo = (count: number) =>
  seen((line) => {
    const [word, image] = line.split(' ')
    return word === 'done' && image !== undefined && runs.size >= count
  })
lines.prependListener('line', (line) => {
  const [word, image] = line.split(' ')
  if (word === 'done' && image !== undefined) runs.set(image, (runs.get(image) ?? 0) + 1)
})
const half = upTo(JOBS / 2)
const all = upTo(JOBS)
start('producer.ts')
await half
workers[0].kill('SIGKILL')
await all

const scheduler = openScheduler()
let metrics = await scheduler.getMetrics()
for (; metrics.pending + metrics.running > 0; metrics = await scheduler.getMetrics()) await sleep(50)
await scheduler.stop()

const survivor = once(workers[1], 'close')
workers[1].kill('SIGTERM')
const [code] = await survivor
const twice = [...runs.values()].filter((count) => count > 1).length
assert.equal(metrics.completed, JOBS)
assert.equal(metrics.failed, 0)
assert.equal(code, 0, 'the surviving worker did not end well')
console.log(`${JOBS} jobs, one worker killed half-way: nothing lost, ${twice} ran twice`)
process.exit(0)
