// What stays on Redis after millions of jobs, and how long its longest script takes. Minutes, so it is in no suite:
//   node redis-retention.mjs [--jobs 2000000] [--keep 1000]
// Jobs go through the fused store in batches of 1,000 (inserted, claimed, settled, and swept as a leader does) with the default retention,
// or with so many completed ones kept. Prints the server's memory on the way, at the end the longest scripts by the clock, and the longest
// calls, each of several scripts, by the server's own time, which other load on the machine stretches less (Linux). Beside them a loop in Lua that
// is always the same: how far its longest is from its middle is the machine's doing, not that of any data.
import { randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { Redis } from 'ioredis'
import { servers, start, stop } from './servers.mjs'

const { values } = parseArgs({
  options: { jobs: { type: 'string', default: '2000000' }, keep: { type: 'string' } },
})
const jobs = Number(values.jobs)
const retention = values.keep && { completed: { ageMs: 3_600_000, count: Number(values.keep) } }
const built = (file) => import(new URL(`../packages/${file}`, import.meta.url))

// What is logged takes memory of the server, which is to be measured.
const SLOW_MS = 30
const LOOP = 'local x = 0 for i = 1, ARGV[1] do x = x + i % 7 end return x'
const LOOP_MS = 8

await start(['redis'])
try {
  await run()
} finally {
  stop()
}

async function run() {
  const { BACKEND } = await built('core/dist/adapter.js')
  const { redis } = await built('redis/dist/index.js')
  const place = { host: '127.0.0.1', port: servers().redisPort }
  const admin = new Redis(place)
  await admin.config('SET', 'slowlog-log-slower-than', String(SLOW_MS * 1_000))
  await admin.config('SET', 'slowlog-max-len', '1000')
  const { storage, broker, close } = redis(place)
  const store = storage[BACKEND].fuse({ scope: 'bench:bench:bench', storage, broker })
  await storage.ready()
  const worker = `w#${randomUUID()}`
  await store.heartbeat({ id: worker, leaseMs: 3_600_000, phase: 'join' }, [])

  const payload = { text: 'x'.repeat(88) }
  const prefix = randomUUID()
  let made = 0
  const batch = () =>
    Array.from({ length: 1_000 }, () => ({
      id: `${prefix}-${made++}`,
      type: 'bench',
      payload,
      priority: 1,
      ...(retention && { retention }),
    }))
  const calls = { insert: [], settle: [], sweep: [], loop: [] }
  const timed = async (name, call) => {
    const before = serverMs()
    const answer = await call()
    calls[name].push(serverMs() - before)
    return answer
  }
  const loop = await loopOf(admin)
  let outcomes = []
  const settle = async () => {
    const want = { worker, limit: 1_000, types: [{ type: 'bench' }] }
    const { jobs: claimed } = await timed('settle', () => store.settle(outcomes, want))
    outcomes = claimed.map(({ id, token }) => ({ id, token, kind: 'complete' }))
  }
  while (made < jobs) {
    const fresh = batch()
    await timed('insert', () => store.insert(fresh))
    await settle()
    if (made % 5_000 === 0) await timed('loop', loop)
    if (made % 50_000 === 0) while ((await timed('sweep', () => store.sweep({}))).more);
    if (made % (jobs / 8) < 1_000) await report(admin, made)
  }
  while (outcomes.length > 0) await settle()

  const slow = (await admin.slowlog('GET', 1_000))
    .filter(([, , , [, text]]) => text !== LOOP)
    .map(([, , us]) => us / 1_000)
  slow.sort((a, b) => b - a)
  console.log(
    `longest scripts, ms: ${slow.slice(0, 5).join(' · ') || `none over ${SLOW_MS}`} (${slow.length} over ${SLOW_MS})`,
  )
  for (const [name, ms] of Object.entries(calls)) {
    if (ms.length === 0) continue
    ms.sort((a, b) => b - a)
    console.log(
      `${name}, ms of the server: ${at(ms, 0.5)} in the middle, ${at(ms, 0.01)} for one in 100, ${at(ms, 0)} the longest`,
    )
  }
  admin.disconnect()
  await close()
}

/** A loop that takes the server about as long as a script of 250 jobs. It is left out of the slow log, which is for scripts of ours. */
async function loopOf(admin) {
  const run = (turns) => admin.eval(LOOP, 0, turns)
  let turns = 10_000
  for (let i = 0; i < 10; i++) {
    const before = serverMs()
    await run(turns)
    turns = Math.round((turns * LOOP_MS) / Math.max(serverMs() - before, LOOP_MS / 4))
  }
  return () => run(turns)
}

async function report(admin, through) {
  const used = Number(/used_memory:(\d+)/.exec(await admin.info('memory'))[1])
  console.log(
    `${through.toLocaleString('en-US')} jobs through: ${(used / 2 ** 20).toFixed(1)} MB on the server, ` +
      `${(process.memoryUsage.rss() / 2 ** 20).toFixed(0)} MB in the process`,
  )
}

/** Processor time that the server has used, in milliseconds. */
function serverMs() {
  return Number(readFileSync(`/proc/${servers().redisPid}/schedstat`, 'utf8').split(' ')[0]) / 1e6
}

/** `share`: 0 the first, 1 the last. */
function at(sorted, share) {
  return sorted[Math.floor(share * (sorted.length - 1))].toFixed(1)
}
