import { expect, test } from 'vitest'
import { asHybrid, hybridTarget } from './hybrid-target.ts'
import { modelTarget } from './model/target.ts'
import type { Target } from './target.ts'

test('takes the storage of one and the rest of the other, apart even when both are one', async () => {
  const target = hybridTarget(modelTarget('one'), modelTarget('other'))
  expect(target.name).toBe('one + other')
  const model = modelTarget('one')
  const same = asHybrid(model)
  const { storage, broker } = await same.open('n')
  await storage?.save('jobs', 'a', { n: 1 })
  await broker?.publish('mail', 'a')
  await same.hooks?.wipeBroker?.('n')
  expect(await storage?.get('jobs', 'a')).toEqual({ n: 1 })
  expect(await broker?.has?.('mail', ['a'])).toEqual([false])
  expect(asHybrid(same)).toBe(same)
})

test('a part that is not there is the reference model, and ends with its namespace', async () => {
  const { broker: _, ...rest } = await modelTarget().open('x')
  const storageOnly: Target = {
    name: 'storage',
    open: () => ({ storage: rest.storage!, close() {} }),
    destroy() {},
  }
  const target = hybridTarget(storageOnly, storageOnly)
  const { broker, lock } = await target.open('n')
  await broker?.publish('mail', 'a')
  expect(await broker?.claim('mail', 'c', 1, 1_000)).toEqual(['a'])
  expect(await lock?.acquire('k', 'o', 1_000)).toBe(true)
  await target.destroy('n')
  expect(await (await target.open('n')).broker?.has?.('mail', ['a'])).toEqual([false])
})

test('waits as long as the slower of the two', () => {
  const quick = modelTarget('quick')
  const slow = { ...modelTarget('slow'), timing: { shortestTtlMs: 1_000, silenceMs: 5 } }
  expect(hybridTarget(quick, slow).timing).toMatchObject({ shortestTtlMs: 1_000, silenceMs: 20 })
})
