import type { BorrowedClient, OpenOptions, Target } from '@sched/adapter-testkit'
import { type Binary, type Document, MongoClient } from 'mongodb'
import { rangeOf } from './collections.ts'
import { MongoConnection } from './connection.ts'
import { mongo } from './index.ts'
import { JOB_NAMES, JOBS } from './job-indexes.ts'
import { jobKey } from './job-key.ts'
import { everythingOf, namesUnder, resetJobs } from './job-reset.ts'
import { settingsOf } from './options.ts'
import { rangesUnder, resetPrefix } from './reset.ts'

export interface MongoTargetOptions {
  readonly name: string
  readonly url: string
  /** The file whose default export is this target, for the cases with other processes. */
  readonly module?: string
  readonly end?: () => Promise<void>
}

const DATABASE = 'sched_conformance'
const STORE = `sched_${JOBS}`
const NAMES = `sched_${JOB_NAMES}`

/** MongoDB as a target: a namespace is a prefix; all of them share the collections of one database. */
export function mongoTarget({ name, url, module, end }: MongoTargetOptions): Target {
  const client = new MongoClient(url)
  const db = client.db(DATABASE)

  /** Every document of the prefix, wherever its keys are. */
  async function eachCollection(
    prefix: string,
    use: (name: string, where: Document) => Promise<void>,
  ): Promise<void> {
    const [from, below] = rangeOf(prefix)
    const within = { $gte: from, $lt: below }
    const where = { $or: ['_id', '_id.s', '_id.q', 'x'].map((path) => ({ [path]: within })) }
    for (const { name: collection } of await db.listCollections({}, { nameOnly: true }).toArray())
      await use(collection, where)
  }

  /** As `resetOnInit` does, without making sure of the indexes. */
  async function wipe(prefix: string): Promise<void> {
    const connection = new MongoConnection(db, settingsOf(db, { prefix }))
    await Promise.all([resetPrefix(connection), resetJobs(connection)])
    await connection.close()
  }

  async function scopesOf(prefix: string): Promise<readonly number[]> {
    const named = await db
      .collection<{ _id: string; n: number; t?: string }>(NAMES)
      .find(namesUnder(prefix))
      .toArray()
    return named.filter(({ t }) => t === undefined).map(({ n }) => n)
  }

  return {
    name,
    timing: { resolutionMs: 10, shortestTtlMs: 800, silenceMs: 80 },
    upstream: new URL(url).host,
    ...(module !== undefined && { module }),
    open(namespace: string, { endpoint, resetOnInit = false, borrow = false }: OpenOptions = {}) {
      // behind the proxy calls are meant to run into their deadline: not in the ten seconds of the default
      const deadline = endpoint === undefined ? {} : { operationDeadlineMs: 3_500 }
      const settings = { database: DATABASE, prefix: namespace, resetOnInit, ...deadline }
      if (!borrow) return mongo(at(url, endpoint), settings)
      const own = new MongoClient(url)
      return { ...mongo(own, settings), borrowed: lent(own) }
    },
    // in one command a collection: a reset waits for the disk after every 2,000, and some cases leave 200,000
    async destroy(prefix) {
      const scopes = await scopesOf(prefix)
      await Promise.all([
        ...rangesUnder(prefix).map(([collection, { from, end }]) =>
          db
            .collection<Document>(`sched_${collection}`)
            .deleteMany({ _id: { $gte: from, ...end } } as Document),
        ),
        ...scopes.map((scope) => db.collection(STORE).deleteMany(everythingOf(scope))),
      ])
      // what stays for stores that are open
      await db.collection<{ _id: string }>(NAMES).deleteMany(namesUnder(prefix))
    },
    async end() {
      await client.close()
      await end?.()
    },
    hooks: {
      wipe,
      async readRaw(namespace) {
        const texts: string[] = []
        await eachCollection(namespace, async (collection, where) => {
          for (const document of await db.collection(collection).find(where).toArray())
            texts.push(`${collection} ${JSON.stringify(document)}`)
        })
        for (const scope of await scopesOf(namespace))
          for (const document of await db.collection(STORE).find(everythingOf(scope)).toArray())
            texts.push(`${STORE} ${JSON.stringify(document)}`)
        return texts
      },
      async corruptJob(namespace, jobId, store) {
        if (store === 'composed') {
          const [from, below] = rangeOf(namespace)
          await db
            .collection('sched_records')
            .updateMany(
              { '_id.s': { $gte: from, $lt: below }, '_id.i': jobId },
              { $set: { f: { damaged: true }, r: 0 } },
            )
          return
        }
        const keys = (await scopesOf(namespace)).map((scope) => jobKey(scope, jobId))
        await db
          .collection<{ _id: Binary }>(STORE)
          .updateMany({ _id: { $in: keys } }, { $set: { p: '{"half' } })
      },
    },
  }
}

/** A server behind the kit's proxy would be left for the address by which the replica set knows it. */
function at(url: string, endpoint: string | undefined): string {
  return endpoint === undefined ? url : `mongodb://${endpoint}/?directConnection=true`
}

function lent(client: MongoClient): BorrowedClient {
  return {
    alive: async () => (await client.db('admin').command({ ping: 1 })).ok === 1,
    end: () => client.close(),
  }
}
