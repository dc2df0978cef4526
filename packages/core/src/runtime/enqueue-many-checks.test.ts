import { expect, onTestFinished, test } from 'vitest'
import { z } from 'zod'
import { ManualClock } from '../values/manual-clock.ts'
import { Enqueuer } from './enqueuer.ts'
import { defineJob } from './job-definition.ts'
import { Producer } from './producer.ts'
import { Registry } from './registry.ts'
import { ScriptedJobStore } from './scripted-job-store.support.ts'

test('a payload that an asynchronous schema refuses hurts nobody when a later item is refused at once', async () => {
  const unheard: unknown[] = []
  const hear = (error: unknown): void => void unheard.push(error)
  process.on('unhandledRejection', hear)
  onTestFinished(() => void process.off('unhandledRejection', hear))
  const registry = new Registry()
  registry.add(defineJob({ type: 'job', schema: z.string().refine(async (text) => text.length > 2) }))
  const clock = new ManualClock()
  const producer = new Producer(new ScriptedJobStore().asStore, clock)
  const enqueuer = new Enqueuer(registry, clock, { producer, open: async () => ({ producer }) })
  const items = [{ payload: 'no' }, { payload: 'yes', id: '' }]
  await expect(enqueuer.enqueueMany('job', items, undefined)).rejects.toThrow(
    'items[1]: id must not be empty',
  )
  await new Promise((resolve) => setImmediate(resolve))
  expect(unheard).toEqual([])
  await expect(enqueuer.enqueueMany('job', items.slice(0, 1), undefined)).rejects.toThrow('items[0].payload')
})
