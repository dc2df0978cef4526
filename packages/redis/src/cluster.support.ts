import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { type Server, startRedis } from '@sched/test-services'
import { Redis } from 'ioredis'

export interface TestCluster {
  readonly nodes: readonly { readonly host: string; readonly port: number }[]
  readonly servers: readonly Server[]
  /** Starts a replica of the master that holds this key, waits until it has its data, and resolves to that master. */
  addReplicaOf(key: string): Promise<Server>
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
  const replicas: Server[] = []
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
    addReplicaOf: async (key) => {
      const master = await ownerOf(key, servers)
      const replica = await startRedis({
        config: {
          ...config,
          'cluster-config-file': `${randomUUID()}.conf`,
          'cluster-replica-validity-factor': '0',
        },
      })
      replicas.push(replica)
      await follow(replica, master)
      return master
    },
    stop: async () => {
      await Promise.all([...servers, ...replicas].map((server) => server.stop()))
    },
  }
}

async function ownerOf(key: string, servers: readonly Server[]): Promise<Server> {
  const client = new Redis(servers[0]?.url ?? '')
  try {
    const slot = Number(await client.call('cluster', 'keyslot', key))
    const ranges = (await client.call('cluster', 'slots')) as [number, number, [string, number]][]
    const port = ranges.find(([first, last]) => first <= slot && slot <= last)?.[2][1]
    return servers.find((server) => server.port === port) as Server
  } finally {
    client.disconnect()
  }
}

async function follow(replica: Server, master: Server): Promise<void> {
  const [client, upstream] = [new Redis(replica.url), new Redis(master.url)]
  try {
    const id = String(await upstream.call('cluster', 'myid'))
    await client.call('cluster', 'meet', '127.0.0.1', master.port)
    const giveUp = AbortSignal.timeout(20_000)
    let asked = false
    while (!giveUp.aborted) {
      asked ||= await client.call('cluster', 'replicate', id).then(
        () => true,
        () => false,
      )
      if (asked && (await isKnownEverywhere(client, upstream))) return
      await once(AbortSignal.timeout(50), 'abort')
    }
    throw new Error('the replica did not follow its master within 20 s')
  } finally {
    client.disconnect()
    upstream.disconnect()
  }
}

/** In step with its master, and known as a replica by it. */
async function isKnownEverywhere(replica: Redis, master: Redis): Promise<boolean> {
  const info = await replica.info('replication')
  const nodes = String(await master.call('cluster', 'nodes'))
  return info.includes('master_link_status:up') && /\bslave\b/.test(nodes)
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
