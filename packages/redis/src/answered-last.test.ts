import { Redis } from 'ioredis'
import { expect, onTestFinished, test } from 'vitest'
import { sendAnsweredLast } from './answered-last.ts'
import { bareCommand } from './bare-command.ts'
import { ownServer } from './own-server.support.ts'

const { server } = await ownServer()

function connect(options = {}): Redis {
  const redis = new Redis(server.url, { enableOfflineQueue: false, lazyConnect: true, ...options })
  onTestFinished(() => redis.disconnect())
  return redis
}

const echo = (redis: Redis, text: string): Promise<unknown> =>
  new Promise((resolve, reject) => {
    sendAnsweredLast(redis, bareCommand('echo', [text], { resolve, reject }))
  })

test('each command gets its own answer, before and after', async () => {
  const redis = connect()
  await redis.connect()
  const answers = [redis.echo('a'), echo(redis, 'b'), redis.echo('c')]
  expect(await Promise.all(answers)).toEqual(['a', 'b', 'c'])
})

test('a user who may do nothing else is answered', async () => {
  const admin = connect()
  await admin.connect()
  await admin.call('acl', 'setuser', 'narrow', 'on', '>secret', 'nocommands', '+echo', '+info', '+client')
  const redis = connect({ username: 'narrow', password: 'secret' })
  await redis.connect()
  expect(await echo(redis, 'b')).toBe('b')
  await expect(redis.ping()).rejects.toThrow('NOPERM')
})

test('without a connection it is refused', async () => {
  const redis = connect()
  await redis.connect()
  redis.disconnect()
  await expect(echo(redis, 'b')).rejects.toThrow()
})
