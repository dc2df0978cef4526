// What redis and ioredis allow with no queue semantics beyond at-least-once.
// Enqueue: one LPUSH per job, pipelined. Process: pipelined LMOVE to an active list, then LREM.
// ":multi" enqueues a whole batch in one LPUSH. ":eval" claims a batch in one script call and acknowledges it in another.
import { Redis } from 'ioredis'
export const server = 'redis'
const scripts = {
  claim: {
    numberOfKeys: 2,
    lua: `local v = redis.call('RPOP', KEYS[1], ARGV[1]) if not v then return {} end redis.call('LPUSH', KEYS[2], unpack(v)) return v`,
  },
  ack: {
    numberOfKeys: 1,
    lua: `for i = 1, #ARGV do redis.call('LREM', KEYS[1], -1, ARGV[i]) end return #ARGV`,
  },
}
let r
let opts
let running = true
export async function setup({ conn, opts: o }) {
  opts = { batch: 100, ...o }
  r = new Redis({ ...conn.redis, scripts }) // scripts given here reach duplicate() too
}
export async function enqueueBulk(items) {
  if (opts.multi) return r.lpush('wait', ...items.map((x) => JSON.stringify(x.data))) // one command for the batch
  const p = r.pipeline()
  for (const { data } of items) p.lpush('wait', JSON.stringify(data))
  await p.exec()
}
export const enqueueOne = (data) => r.lpush('wait', JSON.stringify(data))
async function claim(c) {
  if (opts.eval) return c.claim('wait', 'active', opts.batch)
  const p = c.pipeline()
  for (let i = 0; i < opts.batch; i++) p.lmove('wait', 'active', 'RIGHT', 'LEFT')
  return (await p.exec()).map(([, v]) => v).filter(Boolean)
}
async function ack(c, jobs) {
  if (opts.eval) return c.ack('active', ...jobs)
  const p = c.pipeline()
  for (const j of jobs) p.lrem('active', -1, j)
  return p.exec()
}
export async function process({ onStart }) {
  const lane = async () => {
    // claims the next batch while the last one is being acknowledged
    const c = r.duplicate()
    let acking
    while (running) {
      const jobs = await claim(c)
      await acking
      if (!jobs.length) {
        // idle: block for one job
        acking = null
        const j = await c.blmove('wait', 'active', 'RIGHT', 'LEFT', 1)
        if (j) {
          onStart(JSON.parse(j))
          acking = ack(c, [j])
        }
        continue
      }
      for (const j of jobs) onStart(JSON.parse(j))
      acking = ack(c, jobs)
    }
  }
  for (let i = 0; i < (opts.conns ?? 1); i++) void lane()
  return {
    stop: () => {
      running = false
    },
  }
}
export async function counts() {
  return { pending: (await r.llen('wait')) + (await r.llen('active')) }
}
export const teardown = () => r.disconnect()
