import { BACKEND, type JobStore } from '@sched/core/adapter'
import { serviceUrl } from '@sched/test-services'
import { type CommandStartedEvent, MongoClient } from 'mongodb'
import { expect, onTestFinished, test } from 'vitest'
import { mongo } from './index.ts'
import { JOB_NAMES } from './job-indexes.ts'

/** A store of a new scope over a client that tells what it sends, and when that client first asks for a scope's number. */
async function setup({ ready }: { readonly ready: boolean }) {
  const client = new MongoClient(serviceUrl('mongo'), { monitorCommands: true })
  const db = client.db(`sched_opening_${process.pid}`)
  const adapters = mongo(db)
  onTestFinished(async () => {
    await adapters.close()
    await db.dropDatabase()
    await client.close()
  })
  if (ready) await adapters.storage.ready?.()
  const sent: string[] = []
  const asked = new Promise<void>((resolve) => {
    client.on('commandStarted', ({ command }: CommandStartedEvent) => {
      sent.push(Object.keys(command)[0] as string)
      if (command.find === `sched_${JOB_NAMES}`) resolve()
    })
  })
  const store = adapters.storage[BACKEND]?.fuse({ scope: 'p:e:s', ...adapters }) as JobStore
  return { adapters, store, sent, asked }
}

test('a store over adapters that are ready looks up what its first call needs beforehand', async () => {
  const { store, asked } = await setup({ ready: true })
  await asked
  await store.ready?.()
  expect(await store.insert([{ id: 'a', type: 'mail', payload: null, priority: 0 }])).toEqual(['inserted'])
})

test('over others it sends nothing before it is called', async () => {
  const { adapters, sent } = await setup({ ready: false })
  await adapters.close()
  expect(sent).toEqual([])
})

test('it may be closed meanwhile', async () => {
  const { adapters, store, asked } = await setup({ ready: true })
  await asked
  await store.close?.()
  await adapters.close()
  await expect(store.counts()).rejects.toMatchObject({ code: 'CLOSED' })
})
