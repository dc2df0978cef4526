import { once } from 'node:events'
import { type AddressInfo, createServer, Socket } from 'node:net'
import pg from 'pg'
import { expect, onTestFinished, test } from 'vitest'
import { createPostgresLock, createPostgresStorage, postgres } from './index.ts'

function message(type: string, body: Buffer): Buffer {
  const length = Buffer.alloc(4)
  length.writeInt32BE(body.length + 4)
  return Buffer.concat([Buffer.from(type), length, body])
}

test.each(['a pool of the adapters', 'a pool of the user'])(
  '%s: a connection that is ready and ended in one breath, as by a server that shuts down, ends no process',
  async (kind) => {
    let connections = 0
    const welcomeAndGoodbye = Buffer.concat([
      message('R', Buffer.alloc(4)),
      message('Z', Buffer.from('I')),
      message('E', Buffer.from('SFATAL\0C57P01\0Mterminating connection due to administrator command\0\0')),
    ])
    const server = createServer((socket) => {
      connections++
      socket.on('error', () => undefined)
      socket.once('data', () => socket.end(welcomeAndGoodbye))
    }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    const connection = { host: '127.0.0.1', port, user: 'u', database: 'd' }
    const pool = new pg.Pool(connection)
    const storage = createPostgresStorage(kind === 'a pool of the user' ? pool : connection, {
      operationDeadlineMs: 300,
    })
    await expect(storage.ready?.()).rejects.toMatchObject({ code: 'UNAVAILABLE' })
    expect(connections).toBeGreaterThan(0)
    await storage.close?.()
    expect(pool.listenerCount('connect')).toBe(0)
    await pool.end()
    server.close()
  },
)

const READY = Buffer.concat([message('R', Buffer.alloc(4)), message('Z', Buffer.from('I'))])
const DONE = Buffer.concat([message('C', Buffer.from('SELECT 0\0')), message('Z', Buffer.from('I'))])

/** A server that gives each connection these answers, then none, and never closes one. Gives its port. */
async function mute(...answers: readonly Buffer[]): Promise<number> {
  const accepted = new Set<Socket>()
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    accepted.add(socket)
    const left = [...answers]
    socket.on('error', () => undefined)
    socket.on('data', () => {
      const answer = left.shift()
      if (answer !== undefined) socket.write(answer)
    })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    for (const socket of accepted) socket.destroy()
    server.close()
  })
  return (server.address() as AddressInfo).port
}

test.each([
  ['from the start', []],
  ['once its connections are idle', [READY, DONE]],
  ['once they are ready', [READY]],
])(
  'a server that is silent %s keeps no socket, and so no process, alive after close()',
  async (_, answers) => {
    const port = await mute(...answers)
    const sockets: Socket[] = []
    const stream = (): Socket => {
      const socket = new Socket()
      sockets.push(socket)
      return socket
    }
    const { storage, broker, lock, close } = postgres({ host: '127.0.0.1', port, user: 'u', stream })
    const calls = [storage.ping?.(), lock.ping?.(), broker.subscribe?.(['q'], () => undefined)]
    const settled = Promise.allSettled(calls)
    if (answers.length > 1) await calls[0]
    else while (sockets.length < calls.length) await new Promise(setImmediate)
    await close?.()
    expect((await settled).length).toBe(calls.length)
    expect(sockets.length).toBeGreaterThan(1)
    expect(sockets.filter((socket) => !socket.destroyed)).toEqual([])
  },
)

test('an attempt to connect that nobody answers makes room for another', async () => {
  const port = await mute()
  let attempts = 0
  const stream = (): Socket => {
    attempts++
    return new Socket()
  }
  const connection = { host: '127.0.0.1', port, user: 'u', stream }
  const lock = createPostgresLock(connection, { operationDeadlineMs: 100, poolSize: 1 })
  for (let calls = 0; attempts < 2; calls++) {
    expect(calls).toBeLessThan(20)
    await expect(lock.ping?.()).rejects.toMatchObject({
      code: 'UNAVAILABLE',
      ambiguous: false,
      message: expect.stringContaining('does not answer as PostgreSQL does'),
    })
  }
  await lock.close?.()
})

test('a server that speaks another protocol is named at once', async () => {
  const port = await mute(Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n'))
  const lock = createPostgresLock(`postgres://u@127.0.0.1:${port}/d`)
  const began = performance.now()
  await expect(lock.ping?.()).rejects.toMatchObject({
    code: 'UNAVAILABLE',
    message: expect.stringContaining('no PostgreSQL; check host and port'),
  })
  expect(performance.now() - began).toBeLessThan(5_000)
  await lock.close?.()
})
