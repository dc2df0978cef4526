import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { type FaultProxy, startProxy } from './proxy.ts'

let server: Server
let proxy: FaultProxy
let received: string[]
const accepted = new Set<Socket>()

beforeEach(async () => {
  received = []
  server = createServer((socket) => {
    accepted.add(socket)
    socket.on('error', () => socket.destroy())
    let line = ''
    socket.setEncoding('utf8').on('data', (data) => {
      line += data
      if (!line.endsWith('\n')) return
      received.push(line.trim())
      socket.write(`reply to ${line}`)
      line = ''
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  proxy = await startProxy({ upstream: `127.0.0.1:${(server.address() as AddressInfo).port}`, seed: 3 })
})

afterEach(async () => {
  await proxy.close()
  for (const socket of accepted) socket.destroy()
  accepted.clear()
  server.close()
})

/** Sends, and gives what came back until the reply was whole or the connection ended. */
async function ask(text: string, socket: Socket = dial()): Promise<string> {
  let answer = ''
  const ended = new Promise<string>((resolve) => {
    socket.setEncoding('utf8').on('data', (data) => {
      answer += data
      if (answer.endsWith('\n')) resolve(answer.trim())
    })
    socket.on('error', () => resolve(`${answer}(broken)`))
    socket.on('close', () => resolve(`${answer}(closed)`))
  })
  socket.write(`${text}\n`)
  return ended
}

function dial(): Socket {
  const [host, port] = proxy.endpoint.split(':')
  return connect(Number(port), host)
}

test.each(['pass', 'latency', 'byte-by-byte', 'throttle'] as const)(
  '%s brings everything, in order',
  async (fault) => {
    proxy.set(fault)
    const text = 'x'.repeat(20) + 'é'.repeat(20)
    expect(await ask(text)).toBe(`reply to ${text}`)
    expect(received.join('')).toBe(text)
  },
)

test('drop-reply: the request arrives, the answer does not', async () => {
  const socket = dial()
  expect(await ask('one', socket)).toBe('reply to one')
  proxy.set('drop-reply')
  expect(await ask('two', socket)).toMatch(/^\((closed|broken)\)$/)
  await proxy.hit()
  expect(received).toEqual(['one', 'two'])
  proxy.set('pass')
  expect(await ask('three')).toBe('reply to three')
})

test('refuse: nothing arrives, and open connections end', async () => {
  const open = dial()
  expect(await ask('one', open)).toBe('reply to one')
  const ended = once(open, 'close')
  proxy.set('refuse')
  await ended
  expect(await ask('two')).toMatch(/^\((closed|broken)\)$/)
  expect(received).toEqual(['one'])
})

test('reset: the connection breaks at its next byte', async () => {
  const socket = dial()
  expect(await ask('one', socket)).toBe('reply to one')
  proxy.set('reset')
  expect(await ask('two', socket)).toMatch(/\((closed|broken)\)$/)
  expect(received).toEqual(['one'])
})

test('black-hole: taken, and no more', async () => {
  const socket = dial()
  expect(await ask('one', socket)).toBe('reply to one')
  proxy.set('black-hole')
  const answer = ask('two', socket)
  await proxy.hit()
  socket.destroy()
  expect(await answer).toBe('(closed)')
  expect(received).toEqual(['one'])
})

test('half-close: the reply comes, then the server’s end', async () => {
  const socket = dial()
  const ended = once(socket, 'end')
  proxy.set('half-close')
  expect(await ask('one', socket)).toBe('reply to one')
  await ended
})

test('it counts connections, and refuses an upstream that is none', async () => {
  await ask('one')
  await ask('two')
  expect(proxy.connections).toBe(2)
  await expect(startProxy({ upstream: 'localhost' })).rejects.toThrow('host:port')
})
