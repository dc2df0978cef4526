// Agenda 6 on redis. Same notes as agenda-pg.mjs. Its claim script reads and sorts every job of
// that name, so a claim costs O(n log n) in the number of stored jobs: use small n.

import { RedisBackend } from '@agendajs/redis-backend'
import { Agenda } from 'agenda'
import { Redis } from 'ioredis'
export const server = 'redis'
let agenda
let r
let opts
export async function setup({ conn, opts: o, role }) {
  opts = o
  const extra = { ...(opts.every && { processEvery: opts.every }), removeOnComplete: !opts.keep }
  agenda = new Agenda({ backend: new RedisBackend({ redisOptions: conn.redis, name: role }), ...extra })
  agenda.on('error', (e) => console.error('agenda', e.message))
  await agenda.ready
  if (opts.start) await agenda.start() // a process that only enqueues publishes no wake-up until started
  r = new Redis(conn.redis)
}
export const enqueueBulk = (items) =>
  Promise.all(
    items.map(({ data, runAt }) =>
      runAt ? agenda.schedule(new Date(runAt), 'j', data) : agenda.now('j', data),
    ),
  )
export const enqueueOne = (data) => agenda.now('j', data)
export async function process({ concurrency, onStart }) {
  agenda.maxConcurrency(concurrency)
  agenda.define(
    'j',
    async (job) => {
      onStart(job.attrs.data)
    },
    { concurrency, ...(opts.lock && { lockLimit: opts.lock }) },
  )
  if (!opts.start) await agenda.start()
  return { stop: () => agenda.stop() }
}
export async function counts() {
  return { pending: await r.scard('agenda:jobs:all') }
} // removeOnComplete, so what is stored is unfinished
export async function teardown() {
  r.disconnect()
}
