import { tracingChannel } from 'node:diagnostics_channel'
import { Redis } from 'ioredis'
import { expect, onTestFinished, test } from 'vitest'
import { type Argument, bareCommand } from './bare-command.ts'
import { ownServer } from './own-server.support.ts'

const { server } = await ownServer()

async function connect(options = {}): Promise<Redis> {
  const redis = new Redis(server.url, { enableOfflineQueue: false, lazyConnect: true, ...options })
  onTestFinished(() => redis.disconnect())
  await redis.connect()
  return redis
}

interface Trace {
  readonly command?: string
  readonly result?: unknown
  readonly error?: unknown
}

const ask = (redis: Redis, name: string, ...args: Argument[]): Promise<unknown> =>
  new Promise((resolve, reject) => {
    void redis.sendCommand(bareCommand(name, args, { resolve, reject }))
  })

test.each([2, 3] as const)(
  'arguments arrive as they are, and answers as texts and numbers, in RESP%i',
  async (protocol) => {
    const redis = await connect({ protocol })
    const script = 'return {ARGV[1], #ARGV[1], {ARGV[2], false}, redis.status_reply("fine")}'
    expect(await ask(redis, 'eval', script, 0, 'é\r\n€😀', 1.5)).toEqual([
      'é\r\n€😀',
      11,
      ['1.5', null],
      'fine',
    ])
    expect(await ask(redis, 'hmget', 'none', 'a', 'b')).toEqual([null, null])
    expect(await ask(redis, 'echo', '')).toBe('')
  },
)

test('answers come in the order of the commands, also among those of ioredis', async () => {
  const redis = await connect()
  const answers = [redis.echo('a'), ask(redis, 'echo', 'b'), redis.echo('c'), ask(redis, 'echo', 'd')]
  expect(await Promise.all(answers)).toEqual(['a', 'b', 'c', 'd'])
})

test('what the server refuses rejects with its error, and so does what it never answers', async () => {
  const redis = await connect()
  await expect(ask(redis, 'evalsha', '0'.repeat(40), 0)).rejects.toThrow('NOSCRIPT')
  redis.on('error', () => undefined)
  const lost = ask(redis, 'blpop', 'nothing', 0)
  redis.disconnect()
  await expect(lost).rejects.toThrow('closed')
  await expect(ask(redis, 'ping')).rejects.toThrow()
})

test('whoever listens to the traces of ioredis hears of it when it is answered', async () => {
  const redis = await connect()
  const heard: unknown[] = []
  const listens =
    (outcome: 'result' | 'error') =>
    (trace: Trace): void => {
      // what ioredis says of itself after it has connected is traced, too
      if (trace.command === 'echo' || trace.command === 'evalsha')
        heard.push([trace.command, String(trace[outcome])])
    }
  const nothing = (): void => undefined
  const handlers = {
    start: nothing,
    end: nothing,
    error: listens('error'),
    asyncStart: nothing,
    asyncEnd: listens('result'),
  }
  const traces = tracingChannel<string, Trace>('ioredis:command')
  traces.subscribe(handlers)
  onTestFinished(() => void traces.unsubscribe(handlers))
  expect(await ask(redis, 'echo', 'a')).toBe('a')
  await expect(ask(redis, 'evalsha', '0'.repeat(40), 0)).rejects.toThrow('NOSCRIPT')
  await redis.ping()
  expect(heard).toEqual([
    ['echo', 'a'],
    ['evalsha', expect.stringContaining('NOSCRIPT')],
    ['evalsha', 'undefined'],
  ])
})
