import { BACKEND, type JobStore } from '@sched/core/adapter'
import { serviceUrl } from '@sched/test-services'
import pg from 'pg'
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest'
import { Database } from './database.ts'
import { postgres } from './index.ts'
import { settingsOf } from './options.ts'

const url = serviceUrl('postgres')
const schema = `sched_r${process.pid}`
const admin = new pg.Pool({ connectionString: url, max: 2 })
const closing: (() => Promise<unknown>)[] = []
/** For what comes at once, on whatever machine: it ends what hangs. */
const SOON = { timeout: 10_000 }

beforeAll(async () => {
  const adapters = postgres(admin, { schema, listen: false })
  await adapters.storage.ready?.()
  await adapters.close()
})

afterEach(async () => {
  for (const close of closing.splice(0)) await close()
})

afterAll(async () => {
  await admin.query(`drop schema "${schema}" cascade`)
  await admin.end()
})

function database(poolSize = 2): Database {
  const db = new Database(url, settingsOf(url, { schema, poolSize }))
  closing.push(() => db.close())
  return db
}

/** A call that is answered when it is told to. */
function held(db: Database): { readonly started: Promise<void>; end(): Promise<void> } {
  let begin = (): void => undefined
  let end = (): void => undefined
  const started = new Promise<void>((resolve) => {
    begin = resolve
  })
  const ended = new Promise<void>((resolve) => {
    end = resolve
  })
  const call = db.attempt('held', false, () => {
    begin()
    return ended
  })
  return {
    started,
    end: async () => {
      end()
      await call
    },
  }
}

/** The statements that were sent, each with its connection. */
function watchQueries(): (readonly [pid: number, text: string])[] {
  const sent: (readonly [number, string])[] = []
  const query = pg.Client.prototype.query
  const spy = vi.spyOn(pg.Client.prototype, 'query').mockImplementation(function (
    this: pg.Client,
    ...args: unknown[]
  ) {
    const [what] = args as [string | { text: string }]
    const { processID } = this as unknown as { processID: number }
    sent.push([processID, typeof what === 'string' ? what : what.text])
    return (query as (...all: unknown[]) => unknown).apply(this, args)
  } as never)
  closing.push(async () => spy.mockRestore())
  return sent
}

async function untilSent(sent: readonly (readonly [number, string])[], ...texts: string[]): Promise<void> {
  await vi.waitFor(() => expect(sent.map(([, text]) => text)).toEqual(texts), SOON)
}

async function run(db: Database, sql: string): Promise<string | null | undefined> {
  return (await db.run({ name: sql, sql }, []))[0]?.[0]
}

test('what a worker calls for its jobs has been called, and undone, before the first', async () => {
  await admin.query(`truncate "${schema}".takers`)
  const calls = async (): Promise<Record<string, number>> => {
    const { rows } = await admin.query(
      'select funcname, calls from pg_stat_user_functions where schemaname = $1',
      [schema],
    )
    return Object.fromEntries(rows.map(({ funcname, calls }) => [funcname, Number(calls)]))
  }
  const adapters = postgres(
    { connectionString: url, options: '-c track_functions=all' },
    { schema, poolSize: 1, listen: false },
  )
  const store = adapters.storage[BACKEND]?.fuse({ scope: 'p:e:s', ...adapters }) as JobStore
  await store.ready?.()
  await store.heartbeat({ id: 'w', leaseMs: 60_000, phase: 'join' }, [])
  await adapters.close()
  await vi.waitFor(
    async () =>
      expect(Object.keys(await calls())).toEqual(
        expect.arrayContaining([
          ...['insert_job', 'insert_jobs', 'hand_over'],
          ...['claim_type', 'settle_jobs', 'claim_jobs', 'lease_jobs', 'keep_open', 'end_open'],
        ]),
      ),
    SOON,
  )
  const { rows } = await admin.query(`select name from "${schema}".scopes`)
  expect(rows).toEqual([{ name: 'p:e:s' }])
})

test('it is done at once on the connection at hand, and on a later one after its first call', async () => {
  const db = database()
  await run(db, 'select 1')
  const sent = watchQueries()
  await db.rehearse('select 2')
  await db.rehearse('select 2')
  const pid = sent[0]?.[0]
  expect(sent).toEqual([[pid, 'select 2']])
  const busy = held(db)
  await busy.started
  const other = Number(await run(db, 'select pg_backend_pid()'))
  expect(other).not.toBe(pid)
  // the pool gives the connection away only when it is done
  expect(Number(await run(db, 'select pg_backend_pid()'))).toBe(other)
  expect(sent.slice(1)).toEqual([
    [other, 'select pg_backend_pid()'],
    [other, 'select 2'],
    [other, 'select pg_backend_pid()'],
  ])
  await busy.end()
})

test('while somebody waits for a connection it is put off', async () => {
  const db = database()
  await db.rehearse('select 2')
  const busy = held(db)
  await busy.started
  const sent = watchQueries()
  await Promise.all(['select 3', 'select 4'].map((sql) => run(db, sql)))
  await untilSent(sent, 'select 3', 'select 4', 'select 2')
  await busy.end()
})

/** Two more connections, in use at once. */
async function twoTogether(db: Database): Promise<ReturnType<typeof held>[]> {
  const busy = held(db)
  await busy.started
  const calls = [held(db), held(db)]
  await Promise.all(calls.map(({ started }) => started))
  closing.unshift(busy.end)
  return calls
}

test('connections that come together are rehearsed one after another', async () => {
  const db = database(3)
  await db.rehearse('select 2')
  const calls = await twoTogether(db)
  const sent = watchQueries()
  for (const call of calls) await call.end()
  await untilSent(sent, 'select 2', 'select 2')
  expect(new Set(sent.map(([pid]) => pid)).size).toBe(2)
})

test('one that waits for its rehearsal is there for whoever needs it', async () => {
  const db = database(3)
  await db.rehearse('select 2')
  const calls = await twoTogether(db)
  const sent = watchQueries()
  for (const call of calls) await call.end()
  expect(await run(db, 'select 3')).toBe('3')
  await untilSent(sent, 'select 2', 'select 3', 'select 2')
  const [first, other, again] = sent.map(([pid]) => pid)
  expect(other).not.toBe(first)
  expect(again).toBe(other)
})

test('one that fails leaves the connection as it was', async () => {
  const db = database()
  await db.rehearse('begin; select nothing_of_this_name; rollback')
  expect(await run(db, 'select 5')).toBe('5')
})
