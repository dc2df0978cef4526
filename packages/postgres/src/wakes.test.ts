import { serviceUrl } from '@sched/test-services'
import pg from 'pg'
import { afterAll, expect, test } from 'vitest'
import { Database } from './database.ts'
import { settingsOf } from './options.ts'
import { Wakes } from './wakes.ts'

const url = serviceUrl('postgres')
const admin = new pg.Pool({ connectionString: url, max: 2 })
const open: { close(): Promise<void> }[] = []

afterAll(async () => {
  for (const each of open) await each.close()
  await admin.end()
})

function node(options = {}): { readonly wakes: Wakes; readonly database: Database } {
  const database = new Database(
    url,
    settingsOf(url, { schema: `wakes_${process.pid}`, poolSize: 2, ...options }),
  )
  const wakes = new Wakes(database)
  open.push(wakes, database)
  return { wakes, database }
}

/** Resolves at each wake in turn. */
function ear(): { readonly onWake: (key: string) => void; next(): Promise<string> } {
  const heard: string[] = []
  let resolve: (() => void) | undefined
  return {
    onWake: (key) => {
      heard.push(key)
      resolve?.()
    },
    async next() {
      while (heard.length === 0)
        await new Promise<void>((done) => {
          resolve = done
        })
      return heard.shift() as string
    },
  }
}

test('a process hears what another tells, and not what it does not watch', async () => {
  const [here, there] = [node(), node()]
  const { onWake, next } = ear()
  const stop = await here.wakes.watch(['a', 'b'], onWake)
  there.wakes.tell(['other', 'b'])
  expect(await next()).toBe('b')
  here.wakes.tell(['a'])
  expect(await next()).toBe('a')
  stop()
})

test('what is told in a burst takes few statements', async () => {
  const [here, there] = [node(), node()]
  const { onWake, next } = ear()
  await here.wakes.watch(['last'], onWake)
  let statements = 0
  const run = there.database.run.bind(there.database)
  there.database.run = (...args) => {
    statements++
    return run(...args)
  }
  for (let i = 0; i < 500; i++) there.wakes.tell([`k${i % 10}`])
  there.wakes.tell(['last'])
  expect(await next()).toBe('last')
  expect(statements).toBeLessThanOrEqual(3)
})

test('what was told right before closing is told', async () => {
  const [here, there] = [node(), node()]
  const { onWake, next } = ear()
  await here.wakes.watch(['first', 'last'], onWake)
  there.wakes.tell(['first'])
  there.wakes.tell(['last'])
  await there.wakes.close()
  await there.database.close()
  expect([await next(), await next()]).toEqual(['first', 'last'])
})

test('what a commit carries is heard by others, and here once it is answered', async () => {
  const [here, there] = [node(), node()]
  const [far, near] = [ear(), ear()]
  await here.wakes.watch(['a'], far.onWake)
  await there.wakes.watch(['a'], near.onWake)
  const answer = there.wakes.withCommit(['a'], async (notification) => {
    const { rowCount } = await admin.query('select pg_notify($1, $2)', [...(notification ?? [])])
    return { answer: rowCount, isHandedOver: false }
  })
  expect(await answer).toBe(1)
  expect([await far.next(), await near.next()]).toEqual(['a', 'a'])
})

test('a LISTEN connection that was killed comes back, and counts as a wake of all', async () => {
  const [here, there] = [node(), node()]
  const { onWake, next } = ear()
  await here.wakes.watch(['a'], onWake)
  await admin.query(`select pg_terminate_backend(pid) from pg_stat_activity where query like $1`, [
    `listen sched_${here.database.tag};%`,
  ])
  expect(await next()).toBe('a')
  there.wakes.tell(['a'])
  expect(await next()).toBe('a')
})

test('who is about to listen when it closes is told at once', async () => {
  const { wakes, database } = node()
  const watching = wakes.watch(['a'], () => undefined)
  const closing = wakes.close()
  await expect(watching).rejects.toMatchObject({ code: 'UNAVAILABLE' })
  await closing
  await database.close()
}, 5_000)

test('with listen: false nothing is opened and nothing is told', async () => {
  const { wakes, database } = node({ listen: false })
  const { onWake, next } = ear()
  let statements = 0
  database.run = async () => {
    statements++
    return []
  }
  await wakes.watch(['a'], onWake)
  wakes.tell(['a'])
  // within the process it needs no server
  expect(await next()).toBe('a')
  expect(statements).toBe(0)
})
