import { startProxy } from '@sched/adapter-testkit'
import { serviceUrl } from '@sched/test-services'
import { Redis } from 'ioredis'
import { expect, onTestFinished, test } from 'vitest'
import { Connection } from './connection.ts'
import { hubsKey, wakeKey } from './keys.ts'
import { WakeHub } from './wake-hub.ts'

const { hostname, port } = new URL(serviceUrl('redis'))
const upstream = `${hostname}:${port || 6379}`

async function openHub(blockMs: number, graceMs: number, checkMs = 60_000) {
  const proxy = await startProxy({ upstream })
  const [host = '', proxied = ''] = proxy.endpoint.split(':')
  const raw = new Redis({ host: hostname, port: Number(port || 6379) })
  const connection = new Connection({
    open: () => raw.duplicate({ lazyConnect: true }),
    deadlineMs: 5_000,
    what: 'redis',
  })
  const base = `{wake-hub-${crypto.randomUUID()}}`
  const faults: unknown[] = []
  const listens: string[] = []
  const hub = new WakeHub({
    connection,
    open: () =>
      new Redis({
        host,
        port: Number(proxied),
        lazyConnect: true,
        enableOfflineQueue: false,
        maxRetriesPerRequest: 0,
      }),
    base,
    listen: async (id) => {
      listens.push(id)
      await raw.zadd(hubsKey(base), 1, id)
      return null
    },
    leave: async () => undefined,
    onFault: (error) => void faults.push(error),
    blockMs,
    graceMs,
    checkMs,
  })
  onTestFinished(async () => {
    hub.close()
    connection.close()
    raw.disconnect()
    await proxy.close()
  })
  const wakes: string[] = []
  const waiting = new Set<() => void>()
  await hub.watch(['mail', 'no:{te}'], (name) => {
    wakes.push(name)
    for (const resolve of waiting) resolve()
  })
  return {
    proxy,
    raw,
    base,
    faults,
    listens,
    wakes,
    woken: () => new Promise<void>((resolve) => waiting.add(resolve)),
  }
}

test('a token wakes the one who watches its name', async () => {
  const { raw, base, wakes, woken } = await openHub(5_000, 1_000)
  const wake = woken()
  await raw.rpush(wakeKey(base, 'no:{te}'), 1)
  await wake
  expect(wakes).toEqual(['no:{te}'])
})

test('a blocking connection that went dead without a word is replaced, and that counts as a wake of all', async () => {
  const { proxy, raw, base, faults, wakes, woken } = await openHub(200, 100)
  proxy.set('black-hole')
  const noticed = woken()
  await proxy.hit()
  await noticed
  expect(faults.length).toBeGreaterThan(0)
  expect(wakes.slice(0, 2).sort()).toEqual(['mail', 'no:{te}'])
  proxy.set('pass')
  wakes.length = 0
  const wake = woken()
  await raw.rpush(wakeKey(base, 'mail'), 1)
  await wake
  expect(wakes).toContain('mail')
})

test('a server that lost its data is told again who waits, and that counts as a wake of all', async () => {
  const { raw, base, listens, wakes, woken } = await openHub(60_000, 1_000, 20)
  const wake = woken()
  await raw.unlink(hubsKey(base))
  await wake
  expect(wakes).toEqual(['mail', 'no:{te}'])
  expect(await raw.zcard(hubsKey(base))).toBe(1)
  expect(listens).toHaveLength(2)
})
