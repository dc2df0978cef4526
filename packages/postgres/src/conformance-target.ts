import type { BorrowedClient, OpenOptions, Target } from '@sched/adapter-testkit'
import { serviceUrl } from '@sched/test-services'
import pg from 'pg'
import { postgres } from './index.ts'
import { jobKey } from './job-key.ts'

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
    for (const { table, belongs } of await tables())
      await pool.query(`delete from "${SCHEMA}"."${table}" t where ${belongs}`, [namespace])
  },
  async end() {
    await pool.end()
  },
  hooks: {
    wipe,
    async corruptJob(namespace, jobId, store) {
      if (store === 'composed') {
        const damaged = `update "${SCHEMA}".records set value = '{"damaged": true}', rev = 0 where prefix = $1 and id = $2`
        await pool.query(damaged, [namespace, jobId])
        return
      }
      const half = `update "${SCHEMA}".jobs set payload = '{"half'
        where id = $2 and scope in (select id from "${SCHEMA}".scopes where prefix = $1)`
      await pool.query(half, [namespace, jobKey(jobId)])
    },
    async readRaw(namespace) {
      const texts: string[] = []
      for (const { table, belongs } of await tables()) {
        const { rows } = await pool.query(
          `select t::text as row from "${SCHEMA}"."${table}" t where ${belongs}`,
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

/** Every table but that of the migrations, and which of its rows belong to prefix `$1`; those that others belong to come last. */
async function tables(): Promise<readonly { readonly table: string; readonly belongs: string }[]> {
  const scopes = `select id from "${SCHEMA}".scopes where prefix = $1`
  const belongings: Readonly<Record<string, string>> = {
    queue: `t.queue in (select id from "${SCHEMA}".queues where prefix = $1)`,
    type: `t.type in (select id from "${SCHEMA}".types where scope in (${scopes}))`,
    scope: `t.scope in (${scopes})`,
    prefix: 't.prefix = $1',
  }
  const found: { table: string; belongs: string }[] = []
  for (const [column, belongs] of Object.entries(belongings)) {
    const { rows } = await pool.query<{ name: string }>(
      'select table_name as name from information_schema.columns where table_schema = $1 and column_name = $2',
      [SCHEMA, column],
    )
    for (const { name } of rows)
      if (!found.some(({ table }) => table === name)) found.push({ table: name, belongs })
  }
  const last = ['types', 'scopes', 'queues']
  return found.sort((a, b) => last.indexOf(a.table) - last.indexOf(b.table))
}
