import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { type Server, startMongo } from '@sched/test-services'
import { buildProgram, type Program } from '@sched/test-services/program'
import { type Document, MongoClient } from 'mongodb'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { mongo } from './index.ts'
import { ADAPTER_INDEXES } from './indexes.ts'
import { JOB_INDEXES } from './job-indexes.ts'

const PROCESSES = 50
/** How many are leased in the end: a claim under a limit counts them. */
const LEASED = 305

let server: Server
let racer: Program
let admin: MongoClient

beforeAll(async () => {
  racer = await buildProgram(join(import.meta.dirname, 'racer.support.ts'))
  server = await startMongo()
  admin = new MongoClient(server.url)
})
afterAll(async () => {
  await admin.close()
  await server.stop()
  await racer.remove()
})

test('fifty processes that get ready at once on an empty server all succeed, and make each index once', {
  timeout: 300_000,
}, async () => {
  const racers = Array.from({ length: PROCESSES }, startRacer)
  await Promise.all(racers.map((racer) => said(racer)))
  const outcomes = racers.map(said)
  for (const racer of racers) racer.send('go')
  expect(await Promise.all(outcomes)).toEqual(racers.map(() => 'ready'))
  for (const [name, indexes = []] of Object.entries({ ...ADAPTER_INDEXES, ...JOB_INDEXES })) {
    if (indexes.length === 0) continue
    const made = await admin.db('sched').collection(`sched_${name}`).indexes()
    expect(made.map((index) => index.name).sort()).toEqual(
      ['_id_', ...indexes.map((index) => index.name as string)].sort(),
    )
  }
})

test('an index that is there and differs is named, with what to do', async () => {
  await admin.db('differs').collection('sched_entries').createIndex({ other: 1 }, { name: 'by_priority' })
  const { storage, close } = mongo(admin.db('differs'))
  await expect(storage.ready?.()).rejects.toMatchObject({
    code: 'INVALID_ARGUMENT',
    message: expect.stringContaining('sched_entries'),
  })
  await close()
})

test('a claim looks at little more than it takes, however much there is', { timeout: 60_000 }, async () => {
  const db = admin.db('examined')
  const { broker, close } = mongo(db)
  await broker.ready?.()
  const items = Array.from({ length: 3_000 }, (_, i) => ({
    id: `id-${i}`,
    delayMs: i % 2 === 0 ? 0 : 3_600_000,
    priority: i % 7,
  }))
  await broker.publishMany?.('mail', items)
  await broker.publishMany?.('other', items)
  await db.command({ profile: 2 })
  for (const strategy of ['priority', 'fifo', 'lifo'] as const)
    expect(await broker.claim('mail', 'me', 100, 60_000, strategy)).toHaveLength(100)
  expect(await broker.claimLeases?.('mail', 'me', 10, 60_000, { maxActive: LEASED })).toHaveLength(5)
  expect(await broker.nextDueIn?.('mail')).toBe(0)
  await broker.publish('mail', 'one-more')
  await db.command({ profile: 0 })
  const commands = await db
    .collection('system.profile')
    .find({ ns: 'examined.sched_entries', op: { $in: ['command', 'update', 'query', 'remove'] } })
    .toArray()
  expect(commands.length).toBeGreaterThan(10)
  for (const command of commands) {
    expect(String(command.planSummary)).not.toContain('COLLSCAN')
    expect(examined(command)).toBeLessThanOrEqual(2 * LEASED)
  }
  await close()
})

/** Keys or documents, whichever is more. */
function examined({ keysExamined = 0, docsExamined = 0 }: Document): number {
  return Math.max(keysExamined as number, docsExamined as number)
}

function startRacer(): ChildProcess {
  return fork(racer.path, [server.url], { execArgv: [] })
}

/** What it says next. Its end may be noticed before its last words are; the end of the channel is not. */
async function said(one: ChildProcess): Promise<string> {
  const ended = once(one, 'disconnect').then(() => 'nothing more')
  return await Promise.race([once(one, 'message').then(([text]) => text as string), ended])
}
