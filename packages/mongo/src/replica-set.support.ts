/** A replica set of several members, whose primary can be made to step down. */
import { type Server, startMongo } from '@sched/test-services'
import { MongoClient } from 'mongodb'

export interface ReplicaSet {
  readonly url: string
  /** Resolves when another member is the primary. */
  stepDown(): Promise<void>
  stop(): Promise<void>
}

export async function startReplicaSet(members: number): Promise<ReplicaSet> {
  const first = await startMongo()
  const others = await Promise.all(
    Array.from({ length: members - 1 }, () =>
      startMongo({ replicaSet: false, arguments: ['--replSet', 'rs0', '--oplogSize', '128'] }),
    ),
  )
  const servers: readonly Server[] = [first, ...others]
  const hosts = servers.map(({ port }) => `127.0.0.1:${port}`)
  const url = `mongodb://${hosts.join()}/?replicaSet=rs0`
  const client = new MongoClient(url)
  const admin = client.db('admin')
  // the config changes by one member at a time
  for (const [i, host] of hosts.entries()) {
    if (i === 0) continue
    await until(async () => {
      const { config } = await admin.command({ replSetGetConfig: 1 })
      config.version++
      config.members.push({ _id: i, host })
      // refused when the server itself has counted the version up meanwhile: it does when a member has caught up
      return admin.command({ replSetReconfig: config }).then(
        () => true,
        () => false,
      )
    })
    await until(async () => (await states()).filter((state) => state <= 2).length === i + 1)
  }

  async function states(): Promise<readonly number[]> {
    const { members: all } = await admin.command({ replSetGetStatus: 1 })
    return (all as { state: number }[]).map(({ state }) => (state === 0 ? 99 : state))
  }

  async function primary(): Promise<string> {
    const hello = await admin.command({ hello: 1 })
    return hello.isWritablePrimary === true ? String(hello.me) : ''
  }

  return {
    url,
    async stepDown() {
      const before = await primary()
      await until(async () => {
        // refused while no other member has caught up
        const now = await primary().catch(() => before)
        if (now !== before && now !== '') return true
        if (now === before)
          await admin.command({ replSetStepDown: 3, secondaryCatchUpPeriodSecs: 2 }).catch(() => undefined)
        return false
      })
    },
    async stop() {
      await client.close()
      await Promise.all(servers.map((server) => server.stop()))
    },
  }
}

async function until(holds: () => Promise<boolean>): Promise<void> {
  while (!(await holds())) {
    await new Promise((resolve) => {
      setTimeout(resolve, 50)
    })
  }
}
