import type { Logger } from '@sched/core/adapter'
import { startRedis } from '@sched/test-services'
import { expect, onTestFinished, test } from 'vitest'
import { checkVersion } from './checks.ts'
import { createRedisStorage, type RedisAdapterOptions } from './index.ts'
import { ownServer } from './own-server.support.ts'

const { server, admin } = await ownServer()

async function ready(url: string, options: RedisAdapterOptions = {}): Promise<void> {
  const storage = createRedisStorage(url, options)
  onTestFinished(async () => await storage.close?.())
  await storage.ready?.()
}

test('a server of a supported version is accepted, an older one is refused', async () => {
  await ready(server.url)
  expect(() => checkVersion({ redis_version: '6.2.0' })).not.toThrow()
  expect(() => checkVersion({ redis_version: '6.0.16' })).toThrow(/Redis 6\.0\.16.*6\.2 or later/)
})

test.each(['allkeys-lru', 'volatile-ttl'])(
  'eviction (%s) is refused with what to set, or warned of',
  async (policy) => {
    await admin.config('SET', 'maxmemory-policy', policy)
    onTestFinished(async () => {
      await admin.config('SET', 'maxmemory-policy', 'noeviction')
    })
    await expect(ready(server.url)).rejects.toMatchObject({
      code: 'UNSUPPORTED',
      message: expect.stringContaining('CONFIG SET maxmemory-policy noeviction'),
    })
    const warnings: string[] = []
    const logger: Logger = {
      debug() {},
      info() {},
      error() {},
      warn: (message) => void warnings.push(message),
    }
    await ready(server.url, { onEviction: 'warn', logger })
    expect(warnings.join()).toContain(policy)
  },
)

test('missing permissions are named', async () => {
  await admin.call('acl', 'setuser', 'narrow', 'on', '>pass', '~*', '+@all', '-zadd', '-hset')
  const failure = ready(`redis://narrow:pass@127.0.0.1:${server.port}`)
  await expect(failure).rejects.toMatchObject({
    code: 'UNSUPPORTED',
    message: expect.stringMatching(/\+hset.*\+zadd/),
  })
})

test('a user that may not run scripts is told so', async () => {
  await admin.call('acl', 'setuser', 'plain', 'on', '>pass', '~*', '+@all', '-@scripting')
  const failure = ready(`redis://plain:pass@127.0.0.1:${server.port}`)
  await expect(failure).rejects.toMatchObject({
    code: 'UNAVAILABLE',
    message: expect.stringMatching(/permission.*evalsha/),
  })
})

test('the documented permissions suffice', async () => {
  await admin.call('acl', 'setuser', 'documented', 'on', '>pass', ...DOCUMENTED_ACL)
  await ready(`redis://documented:pass@127.0.0.1:${server.port}`, { prefix: 'documented' })
})

/** As in docs/adapters/redis.md. */
const DOCUMENTED_ACL = [
  '~{documented:*',
  '-@all',
  ...['+@connection', '+@scripting', '-script|kill', '+info', '+time', '+scan'],
  ...['+@hash', '+@list', '+@set', '+@sortedset', '+@string', '+exists', '+unlink', '+pexpire'],
]

test('wrong credentials fail at once, and are not shown', async () => {
  await admin.config('SET', 'requirepass', 'right')
  onTestFinished(async () => {
    await admin.config('SET', 'requirepass', '')
  })
  const start = performance.now()
  await expect(ready(`redis://default:wr0ng@127.0.0.1:${server.port}`)).rejects.toMatchObject({
    code: 'UNAVAILABLE',
    message: expect.not.stringContaining('wr0ng'),
  })
  expect(performance.now() - start).toBeLessThan(5_000)
})

test('a database that the server does not have is refused, and nothing is written to another', async () => {
  const prefix = 'no-database'
  await expect(ready(`${server.url}/20`, { prefix })).rejects.toMatchObject({
    code: 'INVALID_ARGUMENT',
    message: expect.stringMatching(/no database 20 .*`databases`/),
  })
  expect(await admin.keys(`*${prefix}*`)).toEqual([])
  await ready(`${server.url}/15`, { prefix })
  expect(() => createRedisStorage({ cluster: [{ port: 1 }], db: 1 })).toThrow(/leave `db` out/)
})

test('a replica is refused', async () => {
  await admin.call('replicaof', '127.0.0.1', '1')
  onTestFinished(async () => {
    await admin.call('replicaof', 'no', 'one')
  })
  await expect(ready(server.url)).rejects.toThrow(/replica.*master/)
})

test('a node of a cluster is refused over a plain connection', async () => {
  const node = await startRedis({ config: { 'cluster-enabled': 'yes' } })
  onTestFinished(() => node.stop())
  await expect(ready(node.url)).rejects.toMatchObject({
    code: 'INVALID_ARGUMENT',
    message: expect.stringMatching(/cluster:/),
  })
})

test('bad options are named', () => {
  expect(() => createRedisStorage('http://localhost')).toThrow(/redis:\/\//)
  expect(() => createRedisStorage(server.url, { prefix: '' })).toThrow(/prefix/)
  expect(() => createRedisStorage(server.url, { operationDeadlineMs: 0 })).toThrow(/operationDeadlineMs/)
})
