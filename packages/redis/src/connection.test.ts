import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { startProxy } from '@sched/adapter-testkit'
import type { SchedError } from '@sched/core/adapter'
import { type Server, startRedis } from '@sched/test-services'
import { Redis } from 'ioredis'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { redis } from './index.ts'
import { claim, complete, job, join, openStore } from './jobs.support.ts'

let server: Server
let admin: Redis

beforeAll(async () => {
  server = await startRedis({ config: { appendonly: 'yes', appendfsync: 'always' } })
  admin = new Redis(server.url)
  admin.on('error', () => undefined)
})
afterAll(async () => {
  admin.disconnect()
  await server.stop()
})

async function throughProxy(operationDeadlineMs: number) {
  const proxy = await startProxy({ upstream: `127.0.0.1:${server.port}` })
  const [host, port] = proxy.endpoint.split(':')
  const opened = await openStore({ host: host as string, port: Number(port), operationDeadlineMs })
  onTestFinished(async () => {
    await opened.close()
    await proxy.close()
  })
  return { proxy, ...opened }
}

test('an insert whose answer was lost is sent again and makes one job, its own', async () => {
  const { proxy, store } = await throughProxy(5_000)
  await store.insert([job('first')])
  proxy.set('drop-reply')
  const inserting = store.insert([
    job('first'),
    job('lost'),
    job('later', { delayMs: 60_000 }),
    { ...job('lost'), payload: 2 },
  ])
  await proxy.hit()
  proxy.set('pass')
  expect(await inserting).toEqual(['exists', 'inserted', 'inserted', 'exists'])
  expect(await store.insert([{ ...job('lost'), payload: 3 }])).toEqual(['exists'])
  expect((await store.counts()).types.mail?.pending).toBe(3)
})

test('the insert of one job whose answer was lost is known again, and is not taken for another of that id', async () => {
  const { proxy, store } = await throughProxy(5_000)
  await store.insert([job('first')])
  for (const [id, answer] of [
    ['lost', 'inserted'],
    ['first', 'exists'],
  ] as const) {
    proxy.set('drop-reply')
    const inserting = store.insert([job(id, id === 'first' ? { payload: 'other' } : {})])
    await proxy.hit()
    proxy.set('pass')
    expect(await inserting).toEqual([answer])
  }
  expect((await store.counts()).types.mail?.pending).toBe(2)
})

test.each([1, 3])(
  '%i jobs with new ids, sent again after their answer was lost, are one job each, also when they have ended meanwhile',
  async (many) => {
    const { proxy, store, prefix } = await throughProxy(5_000)
    const { store: direct, close } = await openStore({ url: server.url }, prefix)
    onTestFinished(close)
    const more = { fresh: true, retention: { completed: { count: 0 } } }
    const jobs = Array.from({ length: many }, (_, i) => job(`new-${many}-${i}`, more))
    const inserted = jobs.map(() => 'inserted')
    expect(await store.insert([job(`before-${many}`)])).toEqual(['inserted'])
    await join(direct)
    for (const hasEnded of [false, true]) {
      const ids = jobs.map(({ id }) => `${id}-${hasEnded}`)
      proxy.set('drop-reply')
      const inserting = store.insert(jobs.map((one, i) => ({ ...one, id: ids[i] as string })))
      await proxy.hit()
      if (hasEnded) await complete(direct, await claim(direct, 1_000))
      proxy.set('pass')
      expect(await inserting).toEqual(inserted)
      expect((await store.get(ids)).filter((one) => one !== null)).toHaveLength(hasEnded ? 0 : many)
      const { jobs: left } = await direct.list({ type: 'mail', state: 'pending' })
      expect(left.filter(({ id }) => ids.includes(id))).toHaveLength(hasEnded ? 0 : many)
    }
  },
)

test('an insert that cannot be sent again in time says that it may have been applied', async () => {
  const { proxy, store, prefix } = await throughProxy(500)
  const { store: direct, close } = await openStore({ url: server.url }, prefix)
  onTestFinished(close)
  await store.insert([job('first')])
  proxy.set('drop-reply')
  const inserting = store.insert([job('lost')])
  await proxy.hit()
  proxy.set('refuse')
  await expect(inserting).rejects.toMatchObject({ code: 'UNAVAILABLE', ambiguous: true })
  expect(await direct.insert([job('lost')])).toEqual(['exists'])
})

test('a change whose answer was lost is sent again, and answered as it was made', async () => {
  const { proxy, store } = await throughProxy(5_000)
  await store.insert([job('a')])
  await store.change(['a'], { kind: 'cancel' })
  proxy.set('drop-reply')
  // a second one of its kind would be refused: the job waits then
  const retrying = store.change(['a', 'b'], { kind: 'retry' })
  await proxy.hit()
  proxy.set('pass')
  expect(await retrying).toEqual(['ok', 'missing'])
  expect(await store.change(['a'], { kind: 'retry' })).toEqual(['refused'])
})

test('a compare-and-set whose answer was lost knows its own write', async () => {
  const proxy = await startProxy({ upstream: `127.0.0.1:${server.port}` })
  const [host, port] = proxy.endpoint.split(':')
  const { storage, close } = redis({ host: host as string, port: Number(port) }, { prefix: 'cas' })
  onTestFinished(async () => {
    await close()
    await proxy.close()
  })
  await storage.save('n', 'a', { rev: 1 })
  proxy.set('drop-reply')
  const swapping = storage.compareAndSetMany?.('n', [
    { id: 'a', expectedRev: 1, value: { rev: 2 } },
    { id: 'a', expectedRev: 1, value: { rev: 3 } },
  ])
  await proxy.hit()
  proxy.set('pass')
  expect(await swapping).toEqual([true, false])
  expect(await storage.get('n', 'a')).toEqual({ rev: 2 })
})

test('a settle whose answer was lost is ok when it is sent again, and its claims are given back', async () => {
  const { proxy, store } = await throughProxy(2_000)
  await store.insert([job('a'), job('b')])
  await store.heartbeat({ id: 'w', leaseMs: 60_000, phase: 'join' }, [])
  const want = { worker: 'w', limit: 1, types: [{ type: 'mail' }] }
  const [a] = (await store.settle([], want)).jobs
  const outcome = { id: 'a', token: a?.token ?? '', kind: 'complete' } as const
  proxy.set('drop-reply')
  await expect(store.settle([outcome], want)).rejects.toMatchObject({ ambiguous: true })
  proxy.set('pass')
  expect((await store.settle([outcome])).settled).toEqual(['ok'])
  expect((await store.get(['b']))[0]?.state).toBe('running')
  await store.heartbeat({ id: 'w', leaseMs: 60_000, claimGraceMs: 0 }, [])
  expect((await store.get(['b']))[0]).toMatchObject({ state: 'pending', attempt: 0 })
  expect((await store.counts()).types.mail).toMatchObject({ pending: 1, running: 0, completed: 1 })
})

test('a read whose answer was lost is sent again', async () => {
  const { proxy, store } = await throughProxy(5_000)
  await store.insert([job('a')])
  proxy.set('drop-reply')
  const reading = store.get(['a'])
  await proxy.hit()
  proxy.set('pass')
  expect((await reading)[0]?.id).toBe('a')
})

test('a black hole rejects within the deadline, and the connection is replaced', async () => {
  const { proxy, store } = await throughProxy(400)
  await store.insert([job('a')])
  proxy.set('black-hole')
  const start = performance.now()
  await expect(store.insert([job('b')])).rejects.toMatchObject({ code: 'UNAVAILABLE', ambiguous: true })
  expect(performance.now() - start).toBeLessThan(2_000)
  const before = proxy.connections
  proxy.set('pass')
  expect(await store.insert([job('c')])).toEqual(['inserted'])
  expect(proxy.connections).toBeGreaterThan(before)
})

test('calls wait for a server that restarts, and forget its scripts with it', async () => {
  const { store, close } = await openStore({ port: server.port, host: '127.0.0.1' })
  onTestFinished(close)
  await store.insert([job('a')])
  await server.kill('SIGKILL')
  const insert = store.insert([job('b')])
  await server.start()
  expect(await insert).toEqual(['inserted'])
  expect((await store.get(['a', 'b'])).map((one) => one?.id)).toEqual(['a', 'b'])
})

test('flushed scripts and killed connections in between go unnoticed', async () => {
  const { store, close } = await openStore({ port: server.port, host: '127.0.0.1' })
  onTestFinished(close)
  for (let round = 0; round < 10; round++) {
    await admin.script('FLUSH')
    await admin.call('client', 'kill', 'type', 'normal', 'skipme', 'yes')
    expect(await store.insert([job(`job-${round}`)])).toEqual(['inserted'])
  }
})

test('a connection that is refused its database after a reconnect writes to no other', async () => {
  await admin.call('acl', 'setuser', 'elsewhere', 'on', '>pass', '~*', '&*', '+@all')
  const { store, prefix, close } = await openStore({
    url: `redis://elsewhere:pass@127.0.0.1:${server.port}/5`,
    operationDeadlineMs: 3_000,
  })
  onTestFinished(close)
  await store.insert([job('a')])
  await admin.call('acl', 'setuser', 'elsewhere', '-select')
  await admin.call('client', 'kill', 'user', 'elsewhere')
  const refused = { code: 'UNAVAILABLE', message: expect.stringMatching(/permission/) }
  // a read is sent again until the end of the connection is known; an insert before that would be ambiguous
  await expect(store.get(['a'])).rejects.toMatchObject(refused)
  await expect(store.insert([job('b')])).rejects.toMatchObject({ ...refused, ambiguous: false })
  expect(await admin.keys(`*${prefix}*`)).toEqual([])
  await admin.call('acl', 'setuser', 'elsewhere', '+select')
  expect(await store.insert([job('b')])).toEqual(['inserted'])
  expect((await store.get(['a', 'b'])).map((one) => one?.id)).toEqual(['a', 'b'])
})

test('a master that became a replica is waited for', async () => {
  const { store, close } = await openStore({ port: server.port, host: '127.0.0.1' })
  onTestFinished(close)
  await store.insert([job('a')])
  await admin.call('replicaof', '127.0.0.1', '1')
  const insert = store.insert([job('b')])
  const refused = once(
    admin.on('replied', () => undefined),
    'replied',
  )
  // by the time this is answered, the insert before it was refused at least once
  admin.emit('replied', await admin.ping())
  await refused
  await admin.call('replicaof', 'no', 'one')
  expect(await insert).toEqual(['inserted'])
})

test('memory full: a typed error for what is new, while running jobs still settle', async () => {
  const small = await startRedis()
  const limit = new Redis(small.url)
  const { store, close } = await openStore({ port: small.port, host: '127.0.0.1' })
  onTestFinished(async () => {
    await close()
    limit.disconnect()
    await small.stop()
  })
  await store.insert([job('a'), job('b')])
  await store.heartbeat({ id: 'w', leaseMs: 60_000, phase: 'join' }, [])
  const { jobs } = await store.settle([], { worker: 'w', limit: 2, types: [{ type: 'mail' }] })
  await limit.config('SET', 'maxmemory', '1')
  const failure = await store.insert([job('c')]).catch((error: SchedError) => error)
  expect(failure).toMatchObject({ code: 'UNAVAILABLE', ambiguous: false })
  expect((failure as SchedError).message).toMatch(/maxmemory/)
  const [a, b] = jobs.map(({ id, token }) => ({ id, token }))
  const settled = await store.settle([
    { ...(a as { id: string; token: string }), kind: 'complete', result: 1 },
    { ...(b as { id: string; token: string }), kind: 'release' },
  ])
  expect(settled.settled).toEqual(['ok', 'ok'])
  await limit.config('SET', 'maxmemory', '0')
  expect((await store.get(['a', 'b', 'c'])).map((one) => one?.state ?? null)).toEqual([
    'completed',
    'pending',
    null,
  ])
})

test('closing rejects what waits, and everything after it', async () => {
  const { lock, storage, close } = redis('redis://127.0.0.1:1')
  const waiting = lock.acquire('a', 'me', 1_000)
  await Promise.all([close(), expect(waiting).rejects.toMatchObject({ code: 'CLOSED' })])
  await expect(storage.get('a', 'b')).rejects.toMatchObject({ code: 'CLOSED' })
})

test('an unreachable server is named, without the password', async () => {
  const { lock, close } = redis('redis://user:s3cret@127.0.0.1:1', { operationDeadlineMs: 100 })
  onTestFinished(close)
  const failure = await lock.acquire('a', 'me', 1_000).catch((error: SchedError) => error)
  expect(failure).toMatchObject({ code: 'UNAVAILABLE', ambiguous: false })
  expect(String(failure)).toMatch(/127\.0\.0\.1:1/)
  expect(JSON.stringify([failure, String(failure)])).not.toContain('s3cret')
})

test.each([
  ['TLS to a port that never answers', 'rediss', () => undefined, /TLS on it was answered.*ETIMEDOUT/],
  ['TLS to a port without', 'rediss', (socket: Socket) => socket.end('HTTP/1.1 400\r\n\r\n'), /without TLS/],
  ['another program', 'redis', (socket: Socket) => socket.end('HTTP/1.1 400\r\n\r\n'), /is no Redis/],
] as const)(
  '%s: the reason is given, before the time of the call is over',
  async (_, scheme, answer, reason) => {
    const port = await listening((socket) => socket.on('data', () => answer(socket)))
    const { lock, close } = redis(`${scheme}://127.0.0.1:${port}`, { operationDeadlineMs: 2_500 })
    onTestFinished(close)
    const start = performance.now()
    await expect(lock.acquire('a', 'me', 1_000)).rejects.toMatchObject({
      code: 'UNAVAILABLE',
      ambiguous: false,
      message: expect.stringMatching(reason),
      cause: expect.any(Error),
    })
    expect(performance.now() - start).toBeLessThan(2_300)
  },
)

test('a server that closes the connection without a word is told of', async () => {
  const port = await listening((socket) => socket.end())
  const { lock, close } = redis(`redis://127.0.0.1:${port}`, { operationDeadlineMs: 200 })
  onTestFinished(close)
  await expect(lock.acquire('a', 'me', 1_000)).rejects.toThrow(/closed before it was ready.*rediss:/)
})

async function listening(onSocket: (socket: Socket) => void): Promise<number> {
  const sockets = new Set<Socket>()
  const other = createServer((socket) => {
    sockets.add(socket.on('error', () => undefined))
    onSocket(socket)
  })
  await once(other.listen(0, '127.0.0.1'), 'listening')
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy()
    other.close()
  })
  return (other.address() as AddressInfo).port
}
