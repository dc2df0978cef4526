import type { BorrowedClient, OpenOptions, Target } from '@sched/adapter-testkit'
import { serviceUrl } from '@sched/test-services'
import pg from 'pg'
import { postgres } from './index.ts'

const SCHEMA = 'sched_conformance'
const url = serviceUrl('postgres')
const { host } = new URL(url)
const pool = new pg.Pool({ connectionString: url, max: 3 })

/** A namespace is a prefix; all of them share the tables of one schema. */
const target: Target = {
  name: 'postgres',
  timing: { resolutionMs: 8, shortestTtlMs: 300, silenceMs: 80 },
  upstream: host,
  module: import.meta.url,
  open(namespace: string, { endpoint, resetOnInit = false, borrow = false }: OpenOptions = {}) {
    // behind the proxy calls are meant to run into their deadline: not in the ten seconds of the default
    const deadline = endpoint === undefined ? {} : { operationDeadlineMs: 1_500 }
    const settings = { schema: SCHEMA, prefix: namespace, resetOnInit, poolSize: 4, ...deadline }
    if (!borrow) return postgres({ connectionString: at(endpoint) }, settings)
    const client = new pg.Pool({ connectionString: url, max: 3 })
    return { ...postgres(client, settings), borrowed: lent(client) }
  },
  async destroy(namespace) {
    await wipe(namespace)
    for (const table of await prefixedTables())
      await pool.query(`delete from "${SCHEMA}"."${table}" where prefix = $1`, [namespace])
  },
  async end() {
    await pool.end()
  },
  hooks: {
    wipe,
    async readRaw(namespace) {
      const texts: string[] = []
      for (const table of await prefixedTables()) {
        const { rows } = await pool.query(
          `select t::text as row from "${SCHEMA}"."${table}" t where prefix = $1`,
          [namespace],
        )
        for (const { row } of rows) texts.push(`${table} ${row}`)
      }
      return texts
    },
  },
}

export default target

function at(endpoint: string | undefined): string {
  if (endpoint === undefined) return url
  const through = new URL(url)
  through.host = endpoint
  return through.href
}

function lent(client: pg.Pool): BorrowedClient {
  return {
    alive: async () => (await client.query('select 1')).rows.length === 1,
    end: () => client.end(),
  }
}

/** Through the adapter itself: that is what `resetOnInit` is for. */
async function wipe(prefix: string): Promise<void> {
  const { storage, close } = postgres(pool, { schema: SCHEMA, prefix, resetOnInit: true })
  try {
    await storage.ready?.()
  } finally {
    await close()
  }
}

async function prefixedTables(): Promise<string[]> {
  const { rows } = await pool.query(
    `select table_name as name from information_schema.columns where table_schema = $1 and column_name = 'prefix'`,
    [SCHEMA],
  )
  return rows.map(({ name }) => name as string)
}
