import { BACKEND, ManualClock } from '@sched/core/adapter'
import { expect, test } from 'vitest'
import {
  createMemoryBroker,
  createMemoryLock,
  createMemoryStorage,
  type MemoryOptions,
  MemoryServer,
  memory,
} from './index.ts'

test.each<[unknown, string]>([
  [null, 'the options of a memory adapter must be an object'],
  [{ prefx: 'a' }, 'unknown option prefx'],
  [{ prefix: '' }, 'prefix must not be empty'],
  [{ prefix: 5 }, 'prefix must be a string'],
  [{ resetOnInit: 'yes' }, 'resetOnInit must be true or false'],
  [{ clock: {} }, 'clock lacks the methods now, monotonic, after'],
  [{ maxRememberedIds: -1 }, 'maxRememberedIds must be an integer from 0'],
  [{ server: {} }, 'server must be a MemoryServer'],
  [{ server: new MemoryServer(), clock: new ManualClock() }, 'belong to the server'],
])('refuses the options %j', (options, message) => {
  for (const make of [memory, createMemoryStorage, createMemoryBroker, createMemoryLock]) {
    expect(() => make(options as MemoryOptions)).toThrow(
      expect.objectContaining({ code: 'INVALID_ARGUMENT' }),
    )
    expect(() => make(options as MemoryOptions)).toThrow(message)
  }
})

test('nodes on one server share the data; one that closed leaves it to the others', async () => {
  const one = memory()
  const two = memory({ server: one.server })
  await one.storage.save('ns', 'a', { n: 1 })
  await one.broker.publish('q', 'a')
  await one.lock.acquire('k', 'me', 60_000)
  await one.close()
  await one.close()
  for (const call of [
    () => one.storage.get('ns', 'a'),
    () => one.broker.claim('q', 'c', 1, 1_000),
    () => one.lock.isOwner('k', 'me'),
    () => one.storage.ready(),
    () => one.broker.ping(),
  ]) {
    await expect(call()).rejects.toMatchObject({ code: 'CLOSED' })
  }
  expect(await two.storage.get('ns', 'a')).toEqual({ n: 1 })
  expect(await two.broker.claim('q', 'c', 1, 1_000)).toEqual(['a'])
  expect(await two.lock.isOwner('k', 'me')).toBe(true)
})

test('nodes with servers of their own share nothing', async () => {
  const [one, two] = [memory(), memory()]
  await one.storage.save('ns', 'a', 1)
  expect(await two.storage.get('ns', 'a')).toBeNull()
})

test('prefixes never meet, and resetOnInit clears its own, once', async () => {
  const server = new MemoryServer()
  const kept = memory({ server, prefix: 'kept' })
  const cleared = memory({ server, prefix: 'cleared' })
  for (const node of [kept, cleared]) {
    expect(await node.storage.get('ns', 'a')).toBeNull()
    await node.storage.save('ns', 'a', 1)
    await node.broker.publish('q', 'a')
    await node.lock.acquire('k', 'me', 60_000)
  }
  const before = await cleared.broker.incarnation()
  const node = memory({ server, prefix: 'cleared', resetOnInit: true })
  const ready = () => Promise.all([node.storage.ready(), node.broker.ready(), node.lock.ready()])
  await ready()
  expect(await cleared.storage.get('ns', 'a')).toBeNull()
  expect(await cleared.broker.has('q', ['a'])).toEqual([false])
  expect(await cleared.lock.isOwner('k', 'me')).toBe(false)
  expect(await cleared.broker.incarnation()).not.toBe(before)
  expect(await kept.storage.get('ns', 'a')).toBe(1)
  expect(await kept.broker.has('q', ['a'])).toEqual([true])
  expect(await kept.lock.isOwner('k', 'me')).toBe(true)
  await node.storage.save('ns', 'b', 2)
  await ready()
  expect(await node.storage.get('ns', 'b')).toBe(2)
})

test('storage and broker fuse on one server and prefix, however they were made', () => {
  const server = new MemoryServer()
  const storage = createMemoryStorage({ server })
  const backend = storage[BACKEND]!
  const fuse = (broker: ReturnType<typeof createMemoryBroker>) => {
    expect(broker[BACKEND] === backend).toBe(true)
    return backend.fuse({ scope: 's', storage, broker })
  }
  expect(fuse(createMemoryBroker({ server }))).toBeDefined()
  expect(fuse(createMemoryBroker({ server, prefix: 'other' }))).toBeUndefined()
  expect(createMemoryBroker()[BACKEND]).not.toBe(backend)
})

test('a fused store closes with its storage or broker; its scope lives on', async () => {
  const node = memory()
  const fuse = (of: typeof node) =>
    of.storage[BACKEND]!.fuse({ scope: 's', storage: of.storage, broker: of.broker })!
  const store = fuse(node)
  await store.insert([{ id: 'a', type: 't', payload: null, priority: 0 }])
  await node.broker.close()
  await expect(store.counts()).rejects.toMatchObject({ code: 'CLOSED' })
  const other = fuse(memory({ server: node.server }))
  expect((await other.get(['a']))[0]).toMatchObject({ id: 'a', state: 'pending' })
})

test('scopes do not share jobs; clearing the storage clears the jobs of all', async () => {
  const node = memory()
  const fuse = (scope: string) =>
    node.storage[BACKEND]!.fuse({ scope, storage: node.storage, broker: node.broker })!
  const [a, b] = [fuse('a'), fuse('b')]
  const job = { id: '1', type: 't', payload: 1, priority: 0 }
  expect(await a.insert([job])).toEqual(['inserted'])
  expect(await b.insert([job])).toEqual(['inserted'])
  const reset = memory({ server: node.server, resetOnInit: true })
  await reset.storage.ready()
  expect([(await a.get(['1']))[0], (await b.get(['1']))[0]]).toEqual([null, null])
  expect(await a.insert([job])).toEqual(['inserted'])
})
