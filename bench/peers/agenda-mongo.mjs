// Agenda 6 on mongo. Same notes as agenda-pg.mjs, but its mongo backend has no channel of its own: it polls.
// ":every=100" sets processEvery (default 5000 ms); ":stream" adds its change stream notification channel.

import { MongoBackend, MongoChangeStreamNotificationChannel } from '@agendajs/mongo-backend'
import { Agenda } from 'agenda'
import { MongoClient } from 'mongodb'
export const server = 'mongo'
let agenda
let client
let db
let opts
export async function setup({ conn, opts: o, role }) {
  opts = o
  client = await new MongoClient(conn.mongo).connect()
  db = client.db()
  const extra = {
    ...(opts.every && { processEvery: opts.every }),
    removeOnComplete: !opts.keep,
    ...(opts.stream &&
      role === 'worker' && { notificationChannel: new MongoChangeStreamNotificationChannel({ db }) }),
  }
  agenda = new Agenda({ backend: new MongoBackend({ mongo: db, name: role }), ...extra })
  agenda.on('error', (e) => console.error('agenda', e.message))
  await agenda.ready
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
  await agenda.start()
  return { stop: () => agenda.stop() }
}
export async function counts() {
  return { pending: await db.collection('agendaJobs').countDocuments({ lastFinishedAt: null }) }
}
export const teardown = () => client.close()
