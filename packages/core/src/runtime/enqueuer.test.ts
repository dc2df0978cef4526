import { expect, test } from 'vitest'
import { z } from 'zod'
import type { NewJob } from '../contracts/job-store.ts'
import { ManualClock } from '../values/manual-clock.ts'
import { Enqueuer } from './enqueuer.ts'
import { defineJob } from './job-definition.ts'
import { Producer } from './producer.ts'
import { Registry } from './registry.ts'
import { ScriptedJobStore } from './scripted-job-store.support.ts'

/** A schema that changes what it is shown. */
const spoiling = z.any().transform((value) => {
  if (typeof value === 'object' && value !== null) value.by = 'schema'
  return value
})

function setup(takesPayloadText: boolean) {
  const store = new ScriptedJobStore()
  const registry = new Registry()
  registry.add(defineJob({ type: 'job', schema: spoiling }))
  const clock = new ManualClock()
  const producer = new Producer({ ...store.asStore, takesPayloadText }, clock)
  const enqueuer = new Enqueuer(registry, clock, { producer, open: async () => ({ producer }) })
  const stored = async (payload: unknown, change: () => void): Promise<NewJob> => {
    const enqueuing = enqueuer.enqueue('job', payload, undefined)
    change()
    await enqueuing
    return store.inserts.at(-1)![0]!
  }
  return { stored }
}

test.each([true, false])(
  'what is stored is what the payload was, as text (%j) or as a copy',
  async (asText) => {
    const { stored } = setup(asText)
    const plain: { n: number } = { n: 1 }
    const record = await stored(plain, () => {
      plain.n = 2
    })
    expect(plain).toEqual({ n: 2, by: 'schema' })
    if (asText) expect(record.payloadText).toBe('{"n":1}')
    else expect(record).toMatchObject({ payload: { n: 1 } })
    expect('payloadText' in record).toBe(asText)
    if (!asText) expect(record.payload).not.toHaveProperty('by')
  },
)

test('what is no plain JSON comes as a copy, and the store makes its text', async () => {
  const { stored } = setup(true)
  const at = new Date(5)
  const unusual = { at, none: undefined }
  const record = await stored(unusual, () => at.setTime(6))
  expect(record.payloadText).toBeUndefined()
  expect(record.payload).toEqual({ at: new Date(5) })
  expect((await stored(undefined, () => {})).payload).toBeNull()
})
