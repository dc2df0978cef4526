import {
  BACKEND,
  type ClaimedJob,
  type ClaimRequest,
  type JobStore,
  type NewJob,
  type Settled,
} from '@sched/core/adapter'
import { serviceUrl } from '@sched/test-services'
import pg from 'pg'
import { afterAll, beforeAll, expect, onTestFinished, test, vi } from 'vitest'
import { type PostgresAdapterOptions, postgres } from './index.ts'
import { tag } from './sql-names.ts'

const schema = `sched_h${process.pid}`
const url = serviceUrl('postgres')
const pool = new pg.Pool({ connectionString: url, max: 3 })
let scopes = 0
/** For what comes at once, on whatever machine: it ends what hangs. */
const SOON = { timeout: 10_000 }

beforeAll(async () => {
  const { storage, close } = postgres(url, { schema })
  await storage.ready?.()
  await close()
})

afterAll(async () => {
  await pool.query(`drop schema "${schema}" cascade`)
  await pool.end()
})

async function storeOf(
  scope: string,
  options: PostgresAdapterOptions = {},
): Promise<{ readonly store: JobStore; close(): Promise<void> }> {
  const adapters = postgres(url, { schema, poolSize: 3, ...options })
  onTestFinished(() => adapters.close())
  await adapters.storage.ready?.()
  const store = adapters.storage[BACKEND]?.fuse({ scope, ...adapters }) as JobStore
  return { store, close: () => adapters.close() }
}

function job(id: string, more: Partial<NewJob> = {}): NewJob {
  return { id, type: 'mail', payload: null, priority: 0, ...more }
}

/** A worker `w` whose process listens and whose claim is open, and another process. */
async function opened() {
  const scope = `p:e:${scopes++}`
  const mine = await storeOf(scope)
  const { store: other } = await storeOf(scope)
  const { store } = mine
  // a kind of which there was no job goes the long way
  const kinds = [
    job('0'),
    job('1', { priority: 20 }),
    job('2', { type: 'once', delivery: 'at-most-once' }),
    job('3', { type: 'note' }),
  ]
  await other.insert(kinds)
  await other.change(
    kinds.map(({ id }) => id),
    { kind: 'discard' },
  )
  await store.heartbeat({ id: 'w', leaseMs: 60_000, phase: 'join' }, [])
  const handed: ClaimedJob[] = []
  let heard: (() => void) | undefined
  const want = (over: Partial<ClaimRequest> = {}): ClaimRequest => ({
    worker: 'w',
    limit: 1,
    types: [{ type: 'mail' }],
    handOver: (job) => {
      handed.push(job)
      heard?.()
    },
    ...over,
  })
  /** Claims until the claim stays open. */
  const listening = async (over: Partial<ClaimRequest> = {}): Promise<void> => {
    do await store.settle([], want(over))
    while ((await openClaims(scope)) === 0)
  }
  /** By a process that has not notified just now. */
  const insert = async (...jobs: NewJob[]): Promise<void> => {
    const { store: fresh, close } = await storeOf(scope)
    expect(await fresh.insert(jobs)).toEqual(jobs.map(() => 'inserted'))
    await close()
  }
  const nextHanded = (): Promise<void> =>
    new Promise((resolve) => {
      heard = resolve
    })
  const pendingAfter = async (...jobs: NewJob[]): Promise<void> => {
    await insert(...jobs)
    for (const { id } of jobs) expect([id, await stateOf(other, id)]).toEqual([id, 'pending'])
    expect(handed).toEqual([])
  }
  await listening()
  return { ...mine, scope, other, handed, want, listening, insert, nextHanded, pendingAfter }
}

async function openClaims(scope: string): Promise<number> {
  const { rows } = await pool.query(
    `select o.* from "${schema}".opens o join "${schema}".scopes s on s.id = o.scope where s.name = $1`,
    [scope],
  )
  return rows.length
}

async function stateOf(store: JobStore, id: string): Promise<string | undefined> {
  return (await store.get([id]))[0]?.state
}

const idsOf = ({ jobs }: Settled): string[] => jobs.map(({ id }) => id)

test('a job that comes alone is claimed for a worker whose claim is open, and given to it', async () => {
  const { store, handed, insert, nextHanded } = await opened()
  const arrival = nextHanded()
  await insert(
    job('a', { payload: { täxt: 'é\n', none: undefined }, entityId: 'e', options: { note: 'kept' } }),
  )
  await arrival
  const record = (await store.get(['a']))[0]
  expect(handed).toMatchObject([
    {
      id: 'a',
      type: 'mail',
      payload: { täxt: 'é\n' },
      attempt: 1,
      failures: 0,
      entityId: 'e',
      options: { note: 'kept' },
    },
  ])
  expect(record).toMatchObject({
    state: 'running',
    worker: 'w',
    fence: handed[0]?.fence,
    createdAt: handed[0]?.createdAt,
  })
  expect((await store.counts()).types.mail).toMatchObject({ pending: 0, running: 1 })
  const { id = '', token = '' } = handed[0] ?? {}
  const held = await store.heartbeat({ id: 'w', leaseMs: 60_000, claimGraceMs: 0 }, [{ id, token }])
  expect(held.lost).toEqual([])
  expect((await store.settle([{ id, token, kind: 'complete' }])).settled).toEqual(['ok'])
  expect((await store.counts()).types.mail).toMatchObject({ pending: 0, running: 0, completed: 1 })
})

test('a claim that found something and left room stays open, and tells when the next is due', async () => {
  const { store, other, handed, want, insert, nextHanded } = await opened()
  await other.insert([job('first'), job('second'), job('later', { delayMs: 60_000 })])
  const found = await store.settle([], want({ limit: 3 }))
  expect(idsOf(found)).toEqual(['first', 'second'])
  expect(found.nextDueInMs).toBeGreaterThan(50_000)
  const arrival = nextHanded()
  await insert(job('a'))
  await arrival
  expect(handed.map(({ id }) => id)).toEqual(['a'])
})

test('an open claim is handed one job; the next one waits until it is asked for', async () => {
  const { store, other, handed, want, insert, nextHanded } = await opened()
  const arrival = nextHanded()
  await insert(job('a'))
  await insert(job('b'))
  await arrival
  expect(await stateOf(other, 'b')).toBe('pending')
  expect(idsOf(await store.settle([], want({ limit: 2 })))).toEqual(['b'])
  expect(handed.map(({ id }) => id)).toEqual(['a'])
})

test.each([{ types: [{ type: 'mail' }] }, { types: [{ type: 'mail' }, { type: 'note' }] }])(
  'what is on its way counts against the limit of the next claims, of $types',
  async ({ types }) => {
    const { store, listening, insert, handed, want } = await opened()
    await listening({ types })
    const heard: ((message: pg.Notification) => void)[] = []
    const emit = pg.Client.prototype.emit
    const hold = vi.spyOn(pg.Client.prototype, 'emit').mockImplementation(function (
      this: pg.Client,
      ...all: unknown[]
    ) {
      if (all[0] !== 'notification') return emit.apply(this, all as never)
      heard.push(() => emit.apply(this, all as never))
      return true
    } as never)
    onTestFinished(() => hold.mockRestore())
    await insert(job('a'))
    await insert(job('b'), job('c'))
    expect(idsOf(await store.settle([], want({ types, limit: 1 })))).toEqual([])
    expect(idsOf(await store.settle([], want({ types, limit: 2 })))).toEqual(['b'])
    await vi.waitFor(() => {
      for (const each of heard.splice(0)) each({} as pg.Notification)
      expect(handed.map(({ id }) => id)).toEqual(['a'])
    }, SOON)
    expect(idsOf(await store.settle([], want({ types, limit: 1 })))).toEqual(['c'])
  },
)

test.each([
  ['a batch', [job('a'), job('b')]],
  ['a delayed job', [job('a', { delayMs: 60_000 })]],
  ['a job that expires', [job('a', { expiresInMs: 60_000 })]],
  ['another type', [job('a', { type: 'note' })]],
  ['more than a NOTIFY holds', [job('a', { payload: 'é'.repeat(4_000) })]],
])('%s is not handed over', async (_, jobs) => {
  const { pendingAfter } = await opened()
  await pendingAfter(...jobs)
})

test('nothing is handed over that must run at most once', async () => {
  const { listening, pendingAfter } = await opened()
  await listening({ types: [{ type: 'mail' }, { type: 'once' }] })
  await pendingAfter(job('a', { type: 'once', delivery: 'at-most-once' }))
})

test('nothing is handed over by a transaction of the user’s, which may end whenever it likes', async () => {
  const { other } = await opened()
  const client = await pool.connect()
  await client.query('begin')
  await other.insert([job('a')], { transaction: client })
  await client.query('commit')
  client.release()
  expect(await stateOf(other, 'a')).toBe('pending')
})

test('nothing is handed over of a paused type, nor to a type with a limit', async () => {
  const first = await opened()
  await first.other.pause('mail', true)
  await first.pendingAfter(job('paused'))
  const second = await opened()
  await second.listening({ types: [{ type: 'note', maxActive: 1 }, { type: 'mail' }] })
  await second.pendingAfter(job('limited', { type: 'note' }))
})

test('nothing is handed over before what waits or came due, of whatever type the worker takes', async () => {
  for (const waiting of [
    [job('a', { type: 'note', priority: 20 }), job('b', { type: 'note' })],
    [job('a', { type: 'note', delayMs: 1 }), job('b', { type: 'note', delayMs: 60_000 })],
  ]) {
    const { listening, insert, pendingAfter } = await opened()
    await listening({ types: [{ type: 'mail' }, { type: 'note' }] })
    await insert(...waiting)
    await pendingAfter(job('behind', { priority: 20 }))
  }
})

test('nothing is handed to a worker whose lease is over, that died or that left', async () => {
  const { store, other, listening, pendingAfter, want, scope } = await opened()
  await store.heartbeat({ id: 'w', leaseMs: 1 }, [])
  await pool.query('select pg_sleep(0.002)')
  await pendingAfter(job('a'))
  await store.heartbeat({ id: 'w', leaseMs: 60_000 }, [])
  expect(idsOf(await store.settle([], want()))).toEqual(['a'])
  await listening()
  await store.heartbeat({ id: 'w', leaseMs: 60_000, phase: 'leave' }, [])
  expect(await openClaims(scope)).toBe(0)
  await pendingAfter(job('b'))

  await store.heartbeat({ id: 'v', leaseMs: 60_000, phase: 'join' }, [])
  await store.settle([], want({ worker: 'v', limit: 2 }))
  await listening({ worker: 'v' })
  await store.heartbeat({ id: 'v', leaseMs: 1 }, [])
  await pool.query('select pg_sleep(0.002)')
  expect((await other.sweep({})).dead).toEqual(['v'])
  expect(await openClaims(scope)).toBe(0)
})

test('nothing is handed to a process that does not listen any more', async () => {
  const { other, scope, pendingAfter } = await opened()
  const hub = `select hub from "${schema}".opens o join "${schema}".scopes s on s.id = o.scope where s.name = $1`
  const { rows } = await pool.query(hub, [scope])
  const listeners = `from pg_locks l where l.locktype = 'advisory' and l.granted and (l.classid::int8 << 32) | l.objid::int8 = $1`
  await pool.query(`select pg_terminate_backend(l.pid) ${listeners}`, [rows[0].hub])
  await vi.waitFor(
    async () => expect((await pool.query(`select ${listeners}`, [rows[0].hub])).rows).toEqual([]),
    SOON,
  )
  await pendingAfter(job('a'))
  expect((await other.counts()).types.mail).toMatchObject({ pending: 1, running: 0 })
})

test('without LISTEN no claim stays open', async () => {
  const scope = `p:e:${scopes++}`
  const { store } = await storeOf(scope, { listen: false })
  await store.heartbeat({ id: 'w', leaseMs: 60_000, phase: 'join' }, [])
  await store.insert([job('a')])
  const want = { worker: 'w', limit: 1, types: [{ type: 'mail' }], handOver: () => undefined }
  const { jobs } = await store.settle([], want)
  await store.settle([{ ...jobs[0]!, kind: 'complete' }], want)
  await store.settle([], want)
  expect(await openClaims(scope)).toBe(0)
})

test('a worker that claims while it is being handed a job waits for that, and takes no more than it has room for', async () => {
  const { store, other, handed, want, scope, nextHanded } = await opened()
  const client = await pool.connect()
  const arrival = nextHanded()
  await client.query('begin')
  // what the insert of one job runs, inside a transaction that can be held
  const { rows } = await client.query(
    `select "${schema}".insert_job('sched', $1, jsonb_build_array('mail', 0, k.settings), gen_random_uuid(), true, 'null', null, $2, '') as answer
      from "${schema}".kinds k join "${schema}".types t on t.id = k.type join "${schema}".scopes s on s.id = t.scope
      where s.name = $1 and t.name = 'mail' and k.rank = 0 and not (k.settings ->> 2)::bool`,
    [scope, `sched_${tag({ schema, tablePrefix: '' })}`],
  )
  expect(rows).toEqual([{ answer: 'h' }])
  await other.insert([job('b'), job('c')])
  const claim = store.settle([], want({ limit: 2 }))
  for (let isWaiting = false; !isWaiting; ) {
    const { rows: waiting } = await pool.query(
      `select from pg_stat_activity where wait_event_type = 'Lock' and query like $1`,
      [`%"${schema}"."claim_type"%`],
    )
    isWaiting = waiting.length > 0
  }
  await client.query('commit')
  client.release()
  expect(idsOf(await claim)).toEqual(['b'])
  await arrival
  expect(handed).toHaveLength(1)
})

test('many inserts and claims at once: each job is claimed once, and no claim gets more than one', async () => {
  const { scope, store, other } = await opened()
  await store.heartbeat({ id: 'w', leaseMs: 60_000, phase: 'leave' }, [])
  const workers = await Promise.all(
    [1, 2, 3].map(async (nth) => {
      const { store } = await storeOf(scope)
      await store.heartbeat({ id: `w${nth}`, leaseMs: 60_000, phase: 'join' }, [])
      return { store, id: `w${nth}` }
    }),
  )
  const count = 300
  const seen: string[] = []
  const tokens: { id: string; token: string }[] = []
  let done: (() => void) | undefined
  const all = new Promise<void>((resolve) => {
    done = resolve
  })
  const take = ({ id, token }: ClaimedJob): void => {
    seen.push(id)
    tokens.push({ id, token })
    if (seen.length >= count) done?.()
  }
  let handed = 0
  const loop = async ({ store, id }: (typeof workers)[number]): Promise<void> => {
    while (seen.length < count) {
      let mine = 0
      const handOver = (job: ClaimedJob): void => {
        handed++
        expect(++mine).toBe(1)
        take(job)
      }
      const { jobs } = await store.settle([], { worker: id, limit: 3, types: [{ type: 'mail' }], handOver })
      for (const job of jobs) take(job)
    }
  }
  const producers = await Promise.all([1, 2, 3].map(() => storeOf(scope)))
  const produce = producers.map(async ({ store }, nth) => {
    for (let i = nth; i < count; i += producers.length) await store.insert([job(`j${i}`)])
  })
  await Promise.all([...produce, ...workers.map(loop), all])
  expect(handed).toBeGreaterThan(0)
  expect(new Set(seen).size).toBe(count)
  expect(seen).toHaveLength(count)
  expect((await other.counts()).types.mail).toMatchObject({ pending: 0, running: count })
})

test('what arrives too late is left to the heartbeat, which gives it back', async () => {
  const { store, handed, insert } = await opened()
  const now = performance.now()
  const late = vi.spyOn(performance, 'now').mockImplementation(() => now + 6_000)
  onTestFinished(() => void late.mockRestore())
  const emit = pg.Client.prototype.emit
  const told = new Promise<void>((resolve) => {
    const spy = vi.spyOn(pg.Client.prototype, 'emit').mockImplementation(function (
      this: pg.Client,
      ...all: unknown[]
    ) {
      const answer = emit.apply(this, all as never)
      if (all[0] === 'notification') resolve()
      return answer
    } as never)
    onTestFinished(() => void spy.mockRestore())
  })
  await insert(job('a'))
  await told
  late.mockRestore()
  expect(handed).toEqual([])
  expect(await stateOf(store, 'a')).toBe('running')
  await store.heartbeat({ id: 'w', leaseMs: 60_000, claimGraceMs: 0 }, [])
  expect(await stateOf(store, 'a')).toBe('pending')
})
