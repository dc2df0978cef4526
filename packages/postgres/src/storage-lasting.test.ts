import type { IStorageEngine, PatchItem } from '@sched/core/adapter'
import { serviceUrl } from '@sched/test-services'
import pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { postgres } from './index.ts'

const schema = `sched_lasting_${process.pid}`
// one connection, so that what the storage does can be looked at inside a transaction
const pool = new pg.Pool({ connectionString: serviceUrl('postgres'), max: 1 })
const adapters = postgres(pool, { schema, listen: false })
const storage = adapters.storage as Required<IStorageEngine>
const claimOf = (id: string): PatchItem => ({ id, where: {}, set: { state: 'running' }, revTo: 'fence' })
const CLAIM = [claimOf('a')]

beforeAll(async () => {
  await storage.ready()
})

afterAll(async () => {
  await adapters.close()
  await pool.query(`drop schema "${schema}" cascade`)
  await pool.end()
})

/** What the transaction that patches waits for at its end. */
async function waitsFor(patch: () => Promise<unknown>): Promise<string> {
  await pool.query('begin')
  await patch()
  const { rows } = await pool.query('show synchronous_commit')
  await pool.query('commit')
  return rows[0].synchronous_commit
}

test.each<[string, readonly PatchItem[]]>([
  ['a patch', CLAIM],
  ['a patch beside another', [...CLAIM, claimOf('b')]],
])(
  '%s that need not last is not waited for on disk, and its rev never comes twice, also when it is forgotten',
  async (_, claims) => {
    await storage.save('jobs', 'a', { rev: 7, state: 'pending' })
    expect(await waitsFor(() => storage.patchMany('jobs', claims))).toBe('on')
    expect(await storage.get('jobs', 'a')).toMatchObject({ rev: 8, fence: 8 })
    const fences: number[] = []
    for (let i = 0; i < 3; i++) {
      expect(
        await waitsFor(() => storage.patchMany('jobs', claims, { lasting: false, freshRev: true })),
      ).toBe('off')
      const { rev, fence } = (await storage.get<{ rev: number; fence: number }>('jobs', 'a'))!
      expect(fence).toBe(rev)
      fences.push(fence)
      // as a crash of the server leaves it
      await storage.save('jobs', 'a', { rev: 8, state: 'pending' })
    }
    expect(fences).toEqual([...new Set(fences)].sort((a, b) => a - b))
    expect(fences[0]).toBeGreaterThan(8)
  },
)

test('inside the user’s transaction what is waited for is left to that', async () => {
  await storage.save('jobs', 'a', { rev: 7, state: 'pending' })
  const client = await pool.connect()
  try {
    await client.query('begin')
    await (storage.within(client) as typeof storage).patchMany('jobs', CLAIM, { lasting: false })
    const { rows } = await client.query('show synchronous_commit')
    expect(rows[0].synchronous_commit).toBe('on')
    await client.query('rollback')
  } finally {
    client.release()
  }
})
