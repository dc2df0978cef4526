import { randomUUID } from 'node:crypto'
import { startRedis } from '@sched/test-services'
import type { Redis } from 'ioredis'
import { expect, onTestFinished, test } from 'vitest'
import { startCluster } from './cluster.support.ts'
import { ask, MASTER_NAME, startCrew, startSentinel, until } from './failover.support.ts'

const TIMEOUT = { timeout: 90_000 }
/** What the keys of the crew's jobs begin with. */
const TAG = '{sched:j:sched%3Adefault%3Adefault}'

function ids(from: string): string[] {
  return Array.from({ length: 60 }, (_, n) => `${from}-${n}`)
}

test(
  'behind Sentinel, workers go on when a replica takes over: asked to, and when the master dies',
  TIMEOUT,
  async () => {
    const sentinel = await startSentinel()
    onTestFinished(() => sentinel.stop())
    const crew = await startCrew({
      sentinels: [{ host: '127.0.0.1', port: sentinel.port }],
      name: MASTER_NAME,
    })
    onTestFinished(() => crew.stop())
    await crew.enqueue(ids('before'))
    const first = await sentinel.master()
    expect(await ask(first, replicated)).toBe(1)

    // the old master takes writes until it is told that it is a replica, and loses them then: nobody may use it so long
    await ask(sentinel.port, (client) => client.call('sentinel', 'failover', MASTER_NAME))
    const meanwhile = crew.enqueue(ids('asked'))
    await until('another one is master', async () => (await sentinel.master()) !== first)
    await until('all have left the old master', () => ask(first, isLeft))
    expect(await ask(first, (client) => client.role())).toContain('master')
    await meanwhile
    // what the old master took in its last moments may be lost: the same ids again
    await crew.enqueue(ids('asked'))
    await crew.finished(120)

    const second = await sentinel.master()
    await until('the old master follows', () =>
      // connected is also who still waits for the data
      ask(second, async (client) => /^slave0:.*state=online/m.test(await client.info('replication'))),
    )
    await crew.enqueue(ids('kept'))
    expect(await ask(second, replicated)).toBe(1)
    await sentinel.servers.find(({ port }) => port === second)?.kill()
    await crew.enqueue(ids('died'))
    expect(await sentinel.master()).toBe(first)
    await crew.finished(240)
    expect([...crew.runs.keys()].sort()).toEqual(['before', 'asked', 'kept', 'died'].flatMap(ids).sort())
    // again only what was running, or settled, when a master went
    const again = [...crew.runs.values()].reduce((sum, runs) => sum + runs - 1, 0)
    expect(again).toBeLessThanOrEqual(60)
  },
)

test(
  'on a cluster, workers go on when the master of their keys dies and its replica takes over',
  TIMEOUT,
  async () => {
    const cluster = await startCluster()
    onTestFinished(() => cluster.stop())
    const crew = await startCrew({ cluster: cluster.nodes })
    onTestFinished(() => crew.stop())
    await crew.enqueue(ids('before'))
    const owner = await cluster.addReplicaOf(`${TAG}b`)
    await crew.enqueue(ids('kept'))
    expect(await ask(owner.port, replicated)).toBe(1)
    await owner.kill()
    await crew.enqueue(ids('died'))
    await crew.finished(180)
    expect([...crew.runs.keys()].sort()).toEqual(['before', 'kept', 'died'].flatMap(ids).sort())
  },
)

test(
  'jobs that are handed over while connections are killed run all the same, each once',
  TIMEOUT,
  async () => {
    const server = await startRedis()
    onTestFinished(() => server.stop())
    const crew = await startCrew({ host: '127.0.0.1', port: server.port }, 0)
    onTestFinished(() => crew.stop())
    const handedBefore = await published(server.port)
    for (let round = 0; round < 20; round++) {
      await crew.enqueue([randomUUID(), randomUUID(), randomUUID()])
      const enqueuing = crew.enqueue([randomUUID()])
      await ask(server.port, (client) => client.call('client', 'kill', 'type', 'pubsub'))
      await enqueuing
    }
    await crew.finished(80)
    expect([...crew.runs.values()]).toEqual(Array(80).fill(1))
    expect((await published(server.port)) - handedBefore).toBeGreaterThan(0)
  },
)

/** How many replicas have all that was written. WAIT looks at what its own connection wrote: a mark behind all else. */
async function replicated(client: Redis): Promise<number> {
  await client.set(`${TAG}mark`, 1)
  return client.wait(1, 5_000)
}

/** Nobody is connected but Sentinel and who asks. */
async function isLeft(client: Redis): Promise<boolean> {
  const clients = String(await client.client('LIST'))
    .trim()
    .split('\n')
  return clients.every((one) => / name=sentinel-| cmd=client\|list /.test(one))
}

async function published(port: number): Promise<number> {
  const stats = await ask(port, (client) => client.info('commandstats'))
  return Number(/cmdstat_publish:calls=(\d+)/.exec(stats)?.[1] ?? 0)
}
