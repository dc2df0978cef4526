import pg from 'pg'
import { schedPeer } from '../sched-peer.mjs'
export const server = 'pg'
const peer = schedPeer(async (conn) => {
  const { postgres } = await import('../../packages/postgres/dist/index.js')
  return postgres(conn.pg)
})
export const { enqueueBulk, enqueueOne, process, counts, teardown } = peer
let url
export async function setup(options) {
  url = options.conn.pg
  await peer.setup(options)
  await counts() // the others connect in their setup too
}
// The first as users enqueue it; of the others the server makes the arguments too, for the function that every batch goes through.
export async function fill({ from, n, due, payload, first }) {
  await enqueueBulk([first])
  const db = new pg.Client(url)
  await db.connect()
  await db.query('set synchronous_commit = off')
  await db.query(
    `select count(sched.insert_jobs(s.prefix, s.name, jsonb_build_array(jsonb_build_array(t.name, k.rank, k.settings)),
        array_fill(1, array[b.many]), b.ids, true, b.payloads, null, null,
        case when $4::float8 is not null then array_fill($4::float8, array[b.many]) end, null, null))
      from (
        select count(*)::int4 as many, string_agg(format($3, i), E'\\n') as payloads,
          array_agg(('0190a0b0-0000-7000-8000-' || lpad(to_hex(i), 12, '0'))::uuid) as ids
        from generate_series($1::int4, $2::int4) as i group by i / 1000 order by i / 1000
      ) b, sched.scopes s join sched.types t on t.scope = s.id join sched.kinds k on k.type = t.id`,
    [from + 1, from + n - 1, payload, due ?? null],
  )
  await db.end()
}
