import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { serviceUrl } from '@sched/test-services'
import { buildProgram, type Program } from '@sched/test-services/program'
import pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'

const PROCESSES = 50
const url = serviceUrl('postgres')
const schema = `sched_r${process.pid}`
const children: ChildProcess[] = []
let program: Program

beforeAll(async () => {
  program = await buildProgram(join(import.meta.dirname, 'migration-race.support.ts'))
})

afterAll(async () => {
  for (const child of children) child.kill('SIGKILL')
  await program.remove()
  const client = new pg.Client(url)
  await client.connect()
  await client.query(`drop schema if exists "${schema}" cascade`)
  await client.end()
})

/** What it says next. Its end may be noticed before its last words are; the end of the channel is not. */
async function heard(child: ChildProcess): Promise<unknown> {
  const [said] = await Promise.race([
    once(child, 'message'),
    once(child, 'disconnect').then(() => ['nothing more']),
  ])
  return said
}

test('50 processes that start at once on an empty database make one schema, and none fails', async () => {
  for (let i = 0; i < PROCESSES; i++) children.push(fork(program.path, [url, schema], { execArgv: [] }))
  expect(await Promise.all(children.map(heard))).toEqual(children.map(() => 'here'))
  for (const child of children) child.send('go')
  expect(await Promise.all(children.map(heard))).toEqual(children.map(() => 'ready'))

  const client = new pg.Client(url)
  await client.connect()
  const versions = await client.query(`select version from "${schema}".migrations order by version`)
  const found = versions.rows.map(({ version }) => version as number)
  expect(found.length).toBeGreaterThan(0)
  expect(found).toEqual(found.map((_, i) => i + 1))
  await client.end()
}, 60_000)
