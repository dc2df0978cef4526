// One benchmark run, printed as one JSON line. The database is emptied first, and every
// producer and worker is a fresh process.
//   node run.mjs --peer bullmq --workload process --n 100000 --concurrency 10
// A contender may carry options for its file: --peer raw-pg:batch=100+conns=4
import { fork } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { Redis } from 'ioredis'
import { MongoClient } from 'mongodb'
import pg from 'pg'
import { servers } from './servers.mjs'

const { values: arg } = parseArgs({
  options: Object.fromEntries(
    [
      'peer',
      'workload',
      'n',
      'concurrency',
      'workers',
      'batch',
      'inflight',
      'delay',
      'backlog',
      'future',
      'snapshot',
      'seconds',
      'max',
      'every',
    ].map((k) => [k, { type: 'string' }]),
  ),
})
const num = (k, d) => (arg[k] === undefined ? d : Number(arg[k]))
const [peer, optText = ''] = arg.peer.split(':')
const opts = Object.fromEntries(
  optText
    .split('+')
    .filter(Boolean)
    .map((p) => {
      const [k, v = 'true'] = p.split('=')
      return [k, /^-?\d+$/.test(v) ? Number(v) : v === 'true' ? true : v]
    }),
)
// server: 'redis' | 'pg' | 'mongo' | 'memory'; sameProcess: the process that enqueues must also run the jobs
// stores(opts): a second server, which keeps the jobs, to be emptied as well
const { server, stores, sameProcess = false } = await import(`./peers/${peer}.mjs`)
const single = server === 'memory' || sameProcess
const S = server === 'memory' ? {} : servers()
const conn = {
  redis: { host: '127.0.0.1', port: S.redisPort },
  pg: `postgres://bench@127.0.0.1:${S.pgPort}/bench`,
  mongo: `mongodb://127.0.0.1:${S.mongoPort}/bench?replicaSet=rs0`,
}
if (server !== 'memory' && !S[`${server}Port`])
  throw new Error(`no ${server} server: node servers.mjs start ${server}`)
const sleep = (ms) => new Promise((r) => setTimeout(r, ms))
const now = () => Number(process.hrtime.bigint()) / 1e6

// ---- the server: empty it, measure it ----
let redis
let db
let adminDb
let mongo
async function fresh() {
  if (server === 'redis') {
    redis = new Redis(conn.redis)
    await redis.flushall()
    await redis.config('RESETSTAT')
    await redis.bgrewriteaof()
    for (
      let i = 0;
      i < 200 && /aof_rewrite_(in_progress|scheduled):1/.test(await redis.info('persistence'));
      i++
    )
      await sleep(25)
  } else if (server === 'pg') {
    adminDb = new pg.Client(conn.pg.replace(/bench$/, 'postgres'))
    await adminDb.connect()
    await adminDb.query('drop database if exists bench with (force)')
    await adminDb.query('create database bench')
    db = new pg.Client(conn.pg)
    await db.connect()
    await db.query('checkpoint')
  } else if (server === 'mongo') {
    // a client that sends nothing by itself while we measure
    mongo = new MongoClient(conn.mongo, { heartbeatFrequencyMS: 600_000, serverMonitoringMode: 'poll' }).db()
    await mongo.dropDatabase()
    await mongo.admin().command({ fsync: 1 })
  }
}
async function freshStorage(kind) {
  if (kind === 'pg') {
    const client = new pg.Client(conn.pg.replace(/bench$/, 'postgres'))
    await client.connect()
    await client.query('drop database if exists bench with (force)')
    await client.query('create database bench')
    await client.end()
  } else if (kind === 'mongo') {
    const client = new MongoClient(conn.mongo)
    await client.db().dropDatabase()
    await client.close()
  }
}
// After prefilling: what autovacuum/analyze would have done, without its timing noise.
async function settle() {
  if (db) {
    await db.query('vacuum analyze')
    await db.query('checkpoint')
  }
  if (mongo) await mongo.admin().command({ fsync: 1 })
}
// What a long transaction sees, the server must keep.
async function openSnapshot() {
  if (!db) throw new Error('a snapshot is for PostgreSQL')
  const old = new pg.Client(conn.pg)
  await old.connect()
  await old.query('begin isolation level repeatable read')
  await old.query('select 1')
}
async function serverBytes() {
  if (redis) return Number(/used_memory:(\d+)/.exec(await redis.info('memory'))[1])
  if (db)
    return Number(
      (
        await db.query(`select sum(pg_total_relation_size(c.oid)) b from pg_class c join pg_namespace s on s.oid = c.relnamespace
    where c.relkind in ('r','p','m') and s.nspname not in ('pg_catalog','information_schema','pg_toast')`)
      ).rows[0].b ?? 0,
    )
  if (mongo) {
    // documents as BSON (uncompressed) plus indexes as stored
    await mongo.admin().command({ fsync: 1 })
    const { dataSize, indexSize } = await mongo.stats()
    return dataSize + indexSize
  }
  return 0
}
// CPU ms the server has used, from /proc (postgres: postmaster, reaped and living children).
function serverCpuMs() {
  const stat = (pid) => readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1].split(' ').map(Number)
  const tick = 10 // ms per clock tick at the usual 100 Hz
  if (redis || mongo) {
    const f = stat(redis ? S.redisPid : S.mongoPid)
    return (f[11] + f[12]) * tick
  }
  if (!db) return 0
  const root = stat(S.pgPid)
  let sum = root[11] + root[12] + root[13] + root[14]
  for (const p of readdirSync('/proc')) {
    if (!/^\d+$/.test(p)) continue
    try {
      const f = stat(p)
      if (f[1] === S.pgPid) sum += f[11] + f[12]
    } catch {
      /* gone */
    }
  }
  return sum * tick
}
async function serverCalls() {
  if (redis) return Number(/total_commands_processed:(\d+)/.exec(await redis.info('stats'))[1])
  if (db)
    return Number(
      (
        await adminDb.query(
          `select xact_commit + xact_rollback c from pg_stat_database where datname = 'bench'`,
        )
      ).rows[0].c,
    )
  if (mongo) {
    // what clients sent. The opcounters hold the server's own work too: every five minutes a document for each session of those five minutes
    const { network } = await mongo.admin().command({ serverStatus: 1 })
    return Number(network.numRequests)
  }
  return 0
}

// ---- child processes ----
const children = []
function start(role) {
  const child = fork(
    new URL('agent.mjs', import.meta.url),
    [peer, JSON.stringify(opts), JSON.stringify(conn), role],
    { serialization: 'advanced', execArgv: ['--expose-gc', '--max-old-space-size=6000'] },
  )
  let id = 0
  const waiting = new Map()
  child.on('message', ({ id: k, ok, err }) => {
    const w = waiting.get(k)
    waiting.delete(k)
    if (err) w.no(new Error(err))
    else w.yes(ok)
  })
  child.on('exit', (code) => {
    for (const w of waiting.values()) w.no(new Error(`${role} exited ${code}`))
  })
  const call = (cmd, args) =>
    new Promise((yes, no) => {
      waiting.set(++id, { yes, no })
      child.send({ id, cmd, args })
    })
  const a = { call, child, role }
  children.push(a)
  return call('setup').then(() => a)
}
const pct = (xs, p) => {
  const s = [...xs].sort((a, b) => a - b)
  return s.length ? s[Math.min(s.length - 1, Math.floor((p / 100) * s.length))] : null
}
const r2 = (x) => (x === null || x === undefined ? x : Math.round(x * 100) / 100)
const spread = (xs) => ({
  p50: r2(pct(xs, 50)),
  p95: r2(pct(xs, 95)),
  p99: r2(pct(xs, 99)),
  max: r2(xs.reduce((a, b) => Math.max(a, b), 0)),
})

// Wait until the workers have started `n` handlers, then until the store holds no unfinished job.
async function drain(producer, workers, n, maxMs, untilEmpty = true) {
  const t0 = now()
  let handled = 0
  for (;;) {
    const ps = await Promise.all(workers.map((w) => w.call('progress')))
    handled = ps.reduce((s, p) => s + p.handled, 0)
    if (handled >= n || now() - t0 > maxMs) break
    await sleep(10)
  }
  const end = now()
  let pending = null
  if (handled >= n && untilEmpty)
    for (let i = 0; i < 2000; i++) {
      pending = (await producer.call('counts')).pending
      if (pending === 0) break
      await sleep(5)
    }
  return { handled, end, drained: now(), pending }
}
// Sum what several workers saw: every job exactly once?
async function collect(workers, n) {
  const rs = await Promise.all(workers.map((w) => w.call('result')))
  const seen = new Uint8Array(n)
  for (const r of rs) for (let i = 0; i < n; i++) seen[i] += r.seen.charCodeAt(i)
  const handled = rs.reduce((s, r) => s + r.handled, 0)
  const unique = seen.reduce((s, x) => s + (x > 0), 0)
  return {
    rs,
    handled,
    missing: n - unique,
    duplicates: handled - unique,
    first: Math.min(...rs.filter((r) => r.handled).map((r) => r.first)),
    last: Math.max(...rs.map((r) => r.last)),
    workerRssMB: r2(Math.max(...rs.map((r) => r.rssMax))),
    workerCpuMs: Math.round(rs.reduce((s, r) => s + r.cpuMs, 0)),
  }
}

const concurrency = num('concurrency', 10)
const batch = num('batch', 1000)
const maxMs = num('max', 60) * 1000
const workloads = {
  // W1 bulk enqueue
  async bulk() {
    const n = num('n', 100_000)
    const p = await start('producer')
    const b0 = await serverBytes()
    const c0 = serverCpuMs()
    const { ms, rss } = await p.call('bulk', { n, batch })
    const cpu = serverCpuMs() - c0
    const { pending } = await p.call('counts')
    return {
      n,
      rate: (n / ms) * 1000,
      ok: pending === n,
      pending,
      bytesPerJob: Math.round(((await serverBytes()) - b0) / n),
      serverCpuUs: r2((cpu * 1000) / n),
      producerRssMB: r2(rss),
    }
  },
  // W2 single enqueues
  async single() {
    const n = num('n', 20_000)
    const p = await start('producer')
    const inflight = num('inflight', 100)
    await p.call('single', { n: 200, inflight }) // warm up what is measured: who makes fewer calls of several in flight would start colder
    const { ms, times } = await p.call('single', { from: 200, n, inflight })
    const { pending } = await p.call('counts')
    return { n, rate: (n / ms) * 1000, ok: pending === n + 200, ...spread(times) }
  },
  // W3 (workers=1) and W5 (workers=2, concurrency=50): process n queued jobs
  async process() {
    const n = num('n', 100_000)
    const p = await start('producer')
    const b0 = await serverBytes()
    const fill = await p.call('bulk', { n, batch })
    const b1 = await serverBytes()
    await settle()
    const ws = single
      ? [p]
      : await Promise.all(Array.from({ length: num('workers', 1) }, () => start('worker')))
    const calls0 = await serverCalls()
    const c0 = serverCpuMs()
    const t0 = now()
    await Promise.all(ws.map((w) => w.call('work', { n, concurrency })))
    const d = await drain(p, ws, n, maxMs)
    const cpu = serverCpuMs() - c0
    const calls = (await serverCalls()) - calls0
    const { rs, first, last, ...r } = await collect(ws, n)
    const done = r.handled >= n
    const ms = (done ? d.drained : d.end) - first
    return {
      n,
      done,
      rate: ((done ? n : r.handled) / ms) * 1000,
      rateHandled: (r.handled / (last - first)) * 1000,
      rateFromStart: Math.round(((done ? n : r.handled) / ((done ? d.drained : d.end) - t0)) * 1000),
      firstMs: r2(first - t0),
      ackLagMs: r2(d.drained - last),
      ok: done && r.missing === 0 && r.duplicates === 0 && d.pending === 0,
      pending: d.pending,
      ...r,
      share: ws.length > 1 ? rs.map((x) => x.handled) : undefined,
      fillRate: Math.round((n / fill.ms) * 1000),
      bytesPerJob: Math.round((b1 - b0) / n),
      serverCpuUs: r2((cpu * 1000) / r.handled),
      workerCpuUs: r2((r.workerCpuMs * 1000) / r.handled),
      callsPerJob: redis || mongo ? r2(calls / r.handled) : undefined,
    }
  },
  // Enqueue in bulk and process at the same time: from the first enqueue to the last durable settle.
  async through() {
    const n = num('n', 100_000)
    const p = await start('producer')
    const ws = single
      ? [p]
      : await Promise.all(Array.from({ length: num('workers', 1) }, () => start('worker')))
    await Promise.all(ws.map((w) => w.call('work', { n, concurrency })))
    const { t0 } = await p.call('bulk', { n, batch, ready: true })
    const d = await drain(p, ws, n, maxMs)
    const { rs, first, last, ...r } = await collect(ws, n)
    const done = r.handled >= n
    return {
      n,
      done,
      rate: (r.handled / ((done ? d.drained : d.end) - t0)) * 1000,
      ok: done && r.missing === 0 && r.duplicates === 0 && d.pending === 0,
      pending: d.pending,
      ...r,
    }
  },
  // Memory of this process for each delayed job, its payload not counted.
  async held() {
    const n = num('n', 1_000_000)
    const p = await start('producer')
    const { bytes, payloadBytes } = await p.call('hold', { n, batch })
    return { n, ok: true, bytesPerJob: r2(bytes - payloadBytes), payloadBytes: r2(payloadBytes) }
  },
  // W4 pickup latency at idle
  async latency() {
    const n = num('n', 300)
    const p = await start('producer')
    const w = single ? p : await start('worker')
    await w.call('work', { n, concurrency, want: { latency: true } })
    await sleep(1500)
    await p.call('paced', { n, everyMs: num('every', 20) })
    await drain(p, [w], n, maxMs)
    const { rs, ...r } = await collect([w], n)
    return {
      n,
      ok: r.missing === 0 && r.duplicates === 0,
      handled: r.handled,
      ...spread(rs[0].lat),
      min: r2(Math.min(...rs[0].lat)),
    }
  },
  // W6 n delayed jobs all due at the same moment
  async delayed() {
    const n = num('n', 5000)
    const p = await start('producer')
    const w = single ? p : await start('worker')
    await w.call('work', { n, concurrency })
    await sleep(1000)
    const due = Math.ceil((Date.now() + num('delay', 5000)) / 1000) * 1000 // on a whole second
    const fill = await p.call('bulk', { n, batch, due })
    const spare = due - Date.now() // must be positive, or jobs were enqueued late
    await drain(p, [w], n, maxMs)
    const { rs, ...r } = await collect([w], n)
    const late = rs[0].late
    const first = late.reduce((a, b) => Math.min(a, b), Infinity) // negative: started early
    return {
      n,
      ok: r.missing === 0 && r.duplicates === 0 && spare > 0 && first >= -1,
      handled: r.handled,
      fillMs: Math.round(fill.ms),
      spareMs: spare,
      first,
      ...spread(late),
      rssMB: r2(r.workerRssMB),
    }
  },
  // W7 rate of the first n jobs when `backlog` jobs wait, `future` more are not due, and (--snapshot) a transaction is open since before
  async backlog() {
    const n = num('n', 5000)
    const backlog = num('backlog', 100_000)
    const future = num('future', 0)
    const p = await start('producer')
    await p.call('fill', { n: backlog, batch })
    const due = Date.now() + 3_600_000
    if (future) await p.call('fill', { from: backlog, n: future, batch, due })
    await settle()
    if (num('snapshot', 0)) await openSnapshot()
    const w = await start('worker')
    const c0 = serverCpuMs()
    const { t0 } = await w.call('work', { n: backlog + future, concurrency, stopAfter: n })
    await drain(p, [w], n, maxMs, false)
    const r = await w.call('result')
    return {
      n,
      backlog,
      ok: r.dups === 0 && r.handled >= n,
      rate: r.nth ? (n / (r.nth - r.first)) * 1000 : (r.handled / (r.last - r.first)) * 1000,
      handled: r.handled,
      firstMs: r2(r.first - t0),
      serverCpuUs: r2(((serverCpuMs() - c0) * 1000) / r.handled),
    }
  },
  // W8 what an idle worker costs
  async idle() {
    const w = await start('worker')
    const seconds = num('seconds', 15)
    await w.call('work', { n: 1, concurrency })
    await sleep(server === 'pg' ? 12_000 : 3000) // postgres reports a session's commits up to 10 s late
    const a = await serverCalls()
    const c0 = serverCpuMs()
    const { cpuMs: p0 } = await w.call('cpu')
    await sleep(seconds * 1000)
    const calls = (await serverCalls()) - a - (redis || mongo ? 1 : 0)
    const { cpuMs: p1 } = await w.call('cpu')
    return {
      seconds,
      ok: true,
      callsPerSec: r2(calls / seconds),
      workerCpuPct: r2((p1 - p0) / seconds / 10),
      serverCpuPct: r2((serverCpuMs() - c0) / seconds / 10),
      rssMB: r2((await w.call('progress')).rss),
    }
  },
}

let out
try {
  await fresh()
  await freshStorage(stores?.(opts))
  const r = await workloads[arg.workload]()
  out = {
    peer: arg.peer,
    workload: arg.workload,
    node: process.version,
    concurrency,
    workers: num('workers', 1),
    ...r,
  }
  if (out.rate) {
    out.rate = Math.round(out.rate)
  }
  if (out.rateHandled) out.rateHandled = Math.round(out.rateHandled)
} catch (e) {
  out = {
    peer: arg.peer,
    workload: arg.workload,
    ok: false,
    error: e.message.split('\n').slice(0, 3).join(' | '),
  }
}
console.log(JSON.stringify(out))
for (const c of children) {
  c.child.removeAllListeners('exit')
  c.child.kill('SIGKILL')
} // nothing a peer leaves running may reach the next run
process.exit(0)
