import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { type Server, startRedis } from '@sched/test-services'
import { Redis } from 'ioredis'

export interface TestCluster {
  readonly nodes: readonly { readonly host: string; readonly port: number }[]
  readonly servers: readonly Server[]
  stop(): Promise<void>
}

const SLOTS = 16_384

/** A Redis Cluster of three masters on this machine, ready for commands. */
export async function startCluster(): Promise<TestCluster> {
  const config = {
    'cluster-enabled': 'yes',
    'cluster-node-timeout': '2000',
    'cluster-config-file': `${randomUUID()}.conf`,
  }
  const servers = await Promise.all([0, 1, 2].map(() => startRedis({ config })))
  const nodes = servers.map(({ port }) => ({ host: '127.0.0.1', port }))
  const clients = nodes.map((node) => new Redis(node))
  try {
    await Promise.all(
      clients.map((client, i) => {
        const first = Math.ceil((SLOTS / 3) * i)
        const last = Math.ceil((SLOTS / 3) * (i + 1)) - 1
        return client.call('cluster', 'addslotsrange', first, last)
      }),
    )
    for (const { host, port } of nodes) await clients[0]?.call('cluster', 'meet', host, port)
    await Promise.all(clients.map(untilWhole))
  } finally {
    for (const client of clients) client.disconnect()
  }
  return {
    nodes,
    servers,
    stop: async () => {
      await Promise.all(servers.map((server) => server.stop()))
    },
  }
}

async function untilWhole(client: Redis): Promise<void> {
  const give_up = AbortSignal.timeout(20_000)
  while (!give_up.aborted) {
    const info = String(await client.call('cluster', 'info'))
    const slots = (await client.call('cluster', 'slots')) as unknown[]
    if (info.includes('cluster_state:ok') && slots.length === 3) return
    await once(AbortSignal.timeout(20), 'abort')
  }
  throw new Error('the Redis Cluster did not become whole within 20 s')
}
