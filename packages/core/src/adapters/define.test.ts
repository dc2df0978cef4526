import { describe, expect, test } from 'vitest'
import { BACKEND, type Backend } from '../contracts/backend.ts'
import { AdapterInvalidError } from '../errors/sched-error.ts'
import { createBroker, createLock, createStorage } from './define.ts'

/** What an author writes: no generics, some methods at once, some by promise. */
function mapStorage() {
  const records = new Map<string, unknown>()
  return {
    async save(namespace: string, id: string, value: unknown) {
      records.set(`${namespace}/${id}`, value)
    },
    get(namespace: string, id: string) {
      return records.get(`${namespace}/${id}`) ?? null
    },
    async list() {
      return [...records.values()]
    },
    delete(namespace: string, id: string) {
      return records.delete(`${namespace}/${id}`)
    },
    prune: () => 0,
    async count() {
      return records.size
    },
  }
}

const broker = {
  publish() {},
  claim: async () => ['a'],
  extendLock() {},
  ack: () => true,
  nack() {},
  pause() {},
  resume() {},
}

class CountingLock {
  #acquired = 0
  acquire() {
    this.#acquired++
    return true
  }
  renew() {
    return this.#acquired > 0
  }
  release() {
    this.#acquired--
  }
  isOwner() {
    return true
  }
}

describe('an adapter from a plain object', () => {
  test('works as the engine it declares', async () => {
    const storage = createStorage(mapStorage())
    await storage.save('n', 'a', { n: 1 })
    const found: { n: number } | null = await storage.get<{ n: number }>('n', 'a')
    expect(found).toEqual({ n: 1 })
    await storage.delete('n', 'a')
    expect(await storage.count('n')).toBe(0)
  })

  test('answers by a promise, also where the author throws at once', async () => {
    const storage = createStorage({
      ...mapStorage(),
      get() {
        throw new Error('at once')
      },
    })
    await expect(storage.get('n', 'a')).rejects.toThrow('at once')
  })

  test('declares exactly the optional methods it has', () => {
    const plain = createStorage(mapStorage())
    const more = createStorage({ ...mapStorage(), now: () => 7, getMany: async () => [] })
    expect(Object.keys(more).filter((name) => !(name in plain))).toEqual(['getMany', 'now'])
  })

  test('may be an instance of a class with private fields and inherited methods', async () => {
    class Loud extends CountingLock {}
    const lock = createLock(new Loud())
    expect(await lock.renew('k', 'o', 1)).toBe(false)
    expect(await lock.acquire('k', 'o', 1)).toBe(true)
    expect(await lock.renew('k', 'o', 1)).toBe(true)
    expect(lock.acquireLease).toBeUndefined()
  })

  test('has a life, its own or none', async () => {
    const life: string[] = []
    const own = createBroker({
      ...broker,
      ready: () => life.push('ready'),
      close: async () => life.push('close'),
    })
    await own.ready()
    await own.ping()
    await own.close()
    expect(life).toEqual(['ready', 'close'])
  })

  test('passes on traits, also those known only later, and the backend', () => {
    const backend: Backend = { fuse: () => undefined }
    const impl = { ...broker, traits: { receipts: false }, [BACKEND]: backend }
    const created = createBroker(impl)
    impl.traits = { receipts: true }
    expect(created.traits).toEqual({ receipts: true })
    expect(created[BACKEND]).toBe(backend)
    expect(createBroker(broker).traits).toBeUndefined()
    expect(BACKEND in createBroker(broker)).toBe(false)
  })

  test('wraps what `within` gives', async () => {
    const inner = { ...mapStorage(), now: () => 3 }
    const storage = createStorage({
      ...mapStorage(),
      within: (transaction) => (transaction === 'tx' ? inner : mapStorage()),
    })
    expect(await storage.within?.('tx').now?.()).toBe(3)
    expect(storage.within?.('other').now).toBeUndefined()
  })

  test('is refused with every missing method in one error', () => {
    const { save: _, count: __, ...rest } = mapStorage()
    const create = () => createStorage(rest as unknown as ReturnType<typeof mapStorage>)
    expect(create).toThrow(AdapterInvalidError)
    expect(create).toThrow('the storage adapter lacks save, count: add these methods')
    expect(catchError(create)).toMatchObject({ code: 'ADAPTER_INVALID', missing: ['save', 'count'] })
  })

  test.each([
    [
      () => createStorage({ ...mapStorage(), compareAndSwap: () => true } as never),
      'compareAndSwap',
      'compareAndSet',
    ],
    [() => createStorage({ ...mapStorage(), getmany: () => [] } as never), 'getmany', 'getMany'],
    [() => createStorage({ ...mapStorage(), Page: () => [] } as never), 'Page', 'page'],
    [() => createBroker({ ...broker, claimLease: () => [] } as never), 'claimLease', 'claimLeases'],
    [
      () =>
        createLock(
          new (class extends CountingLock {
            aquireLease() {}
          })(),
        ),
      'aquireLease',
      'acquireLease',
    ],
  ])('is refused when a method is misspelt: %s', (create, name, meant) => {
    const error = catchError(create)
    expect(error).toMatchObject({ code: 'ADAPTER_INVALID', missing: [meant] })
    expect((error as Error).message).toContain(`${name} is no method of a`)
  })

  test('may have methods of its own', () => {
    class Store {
      save() {}
      get() {
        return this.read()
      }
      list = () => []
      delete() {}
      prune = () => 0
      count = () => 0
      pages() {}
      read = () => null
      counts() {}
      row() {}
      connect() {}
      removeAll() {}
      _getmany() {}
      get client(): never {
        throw new Error('a getter was called')
      }
    }
    expect(createStorage(new Store()).page).toBeUndefined()
  })

  test('is refused when an optional member is no method, or it is no object', () => {
    const wrong = { ...broker, claimLeases: true } as unknown as typeof broker
    expect(() => createBroker(wrong)).toThrow(
      'claimLeases of the broker adapter must be a method, not boolean',
    )
    expect(() => createLock(null as never)).toThrow(
      'must be an object with the methods acquire, renew, release, isOwner, not null',
    )
  })
})

function catchError(run: () => unknown): unknown {
  try {
    run()
  } catch (error) {
    return error
  }
  throw new Error('nothing was thrown')
}
