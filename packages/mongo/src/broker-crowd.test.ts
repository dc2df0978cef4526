/** Claims at once from one queue: whoever finds that others were quicker goes on while there is more. */
import { startMongo } from '@sched/test-services'
import { afterAll, expect, test } from 'vitest'
import { mongo } from './index.ts'

const CLAIMERS = 64
const LIMIT = 10
const DUE = CLAIMERS * LIMIT
const ROUNDS = 3
const HOUR_MS = 3_600_000

const server = await startMongo({ replicaSet: false })
const nodes = Array.from({ length: 4 }, () => mongo(server.url))

afterAll(async () => {
  await Promise.all(nodes.map((node) => node.close()))
  await server.stop()
})

test('each of many claims at once gives as many as it was asked for when there is just that much', {
  timeout: 60_000,
}, async () => {
  const brokers = nodes.map(({ broker }) => broker)
  await Promise.all(brokers.map((broker) => broker.ready?.()))
  for (let round = 0; round < ROUNDS; round++) {
    const queue = `mail-${round}`
    await brokers[0]?.publishMany?.(
      queue,
      Array.from({ length: DUE }, (_, n) => ({ id: `id-${n}`, priority: n % 5, delayMs: 1 })),
    )
    const claims = await Promise.all(
      Array.from({ length: CLAIMERS }, (_, n) => brokers[n % 4]!.claim(queue, `c${n}`, LIMIT, HOUR_MS)),
    )
    expect(claims.map(({ length }) => length)).toEqual(Array.from(claims, () => LIMIT))
    expect(new Set(claims.flat()).size).toBe(claims.flat().length)
  }
})
