import { type ClaimedJob, type ClaimRequest, UnavailableError } from '@sched/core/adapter'
import { Redis } from 'ioredis'
import { expect, onTestFinished, test } from 'vitest'
import { type Claimed, claimRest, firstPiece, SETTLE_PIECE } from './job-pieces.ts'
import { claim, job, join, openStore } from './jobs.support.ts'
import { ownServer } from './own-server.support.ts'

// what others do would be told as well, and ioredis takes what comes with the answer to MONITOR for an answer
const { server } = await ownServer()
const { url } = server

/** Many calls of one worker, each as large as it can be. */
async function opened() {
  const { store, prefix, close } = await openStore({ url })
  onTestFinished(close)
  await join(store)
  const name = (i: number): string => `j${String(i).padStart(4, '0')}`
  const ids = Array.from({ length: 1_000 }, (_, i) => name(i))
  return { store, prefix, ids }
}

const claimed = (count: number, type = 'mail'): Claimed => ({
  jobs: Array.from({ length: count }, () => ({ type }) as ClaimedJob),
  nextDueInMs: 0,
})

test('a thousand jobs are inserted, claimed in their order, and settled, each at its place', async () => {
  const { store, ids } = await opened()
  await store.insert([job('j0700')])
  const inserted = await store.insert(ids.map((id) => job(id, { priority: id === 'j0999' ? 1 : 0 })))
  expect(inserted).toEqual(ids.map((id) => (id === 'j0700' ? 'exists' : 'inserted')))
  const jobs = await claim(store, 1_000)
  const rest = ids.filter((id) => id !== 'j0999' && id !== 'j0700')
  expect(jobs.map(({ id }) => id)).toEqual(['j0999', 'j0700', ...rest])
  // one under a token of another claim
  const outcomes = jobs.map(({ id, token }, i) => ({
    id,
    token: i === 600 ? token.replace(/\d{16}/, '9'.repeat(16)) : token,
    kind: 'complete' as const,
  }))
  const { settled } = await store.settle(outcomes)
  expect(settled).toEqual(outcomes.map((_, i) => (i === 600 ? 'stale' : 'ok')))
  expect((await store.counts()).types.mail).toMatchObject({ pending: 0, running: 1, completed: 999 })
})

test('no script of a call has more than a piece', async () => {
  const { store, prefix, ids } = await opened()
  const raw = new Redis(url)
  const monitor = await raw.monitor()
  onTestFinished(() => {
    raw.disconnect()
    monitor.disconnect()
  })
  const claims: number[] = []
  const end = new Promise<void>((resolve) => {
    monitor.on('monitor', (_time: string, args: string[]) => {
      const [command, , , base, worker, limit] = args
      if (command?.toLowerCase() === 'evalsha' && base?.includes(prefix) && worker === 'w')
        claims.push(Number(limit))
      if (command === 'echo' && args[1] === prefix) resolve()
    })
  })
  await store.insert(ids.map((id) => job(id)))
  const jobs = await claim(store, 999)
  await raw.call('echo', prefix)
  await end
  expect(jobs.length).toBe(999)
  expect(claims).toEqual([250, 250, 250, 249])
})

test('what a call settles is settled before it claims', async () => {
  const { store, ids } = await opened()
  await store.insert(ids.slice(0, 600).map((id) => job(id, { type: 'limited' })))
  const want: ClaimRequest = { worker: 'w', limit: 600, types: [{ type: 'limited', maxActive: 300 }] }
  const { jobs } = await store.settle([], want)
  expect(jobs.length).toBe(300)
  const outcomes = jobs.map(({ id, token }) => ({ id, token, kind: 'complete' as const }))
  expect((await store.settle(outcomes, want)).jobs.length).toBe(300)
})

test('a result that cannot be stored refuses the whole call, before any of it is done', async () => {
  const { store, ids } = await opened()
  await store.insert(ids.map((id) => job(id)))
  const outcomes = (await claim(store, 1_000)).map(({ id, token }, i) => ({
    id,
    token,
    kind: 'complete' as const,
    ...(i === 900 && { result: { big: 1n } }),
  }))
  await expect(store.settle(outcomes)).rejects.toMatchObject({
    code: 'VALUE_UNSERIALIZABLE',
    message: expect.stringContaining('outcomes[900]'),
  })
  expect((await store.counts()).types.mail).toMatchObject({ running: 1_000, completed: 0 })
})

test('claims go on piece by piece, each type within its limit, until a piece is not full', async () => {
  const want: ClaimRequest = {
    worker: 'w',
    limit: 900,
    types: [{ type: 'mail', limit: 260 }, { type: 'note' }],
  }
  expect(firstPiece(want)).toEqual({ ...want, limit: SETTLE_PIECE })
  const asked: ClaimRequest[] = []
  const answers = [claimed(250, 'note'), { ...claimed(100, 'note'), nextDueInMs: 7 }]
  const all = await claimRest(want, claimed(250), async (piece) => {
    asked.push(piece)
    return answers[asked.length - 1]!
  })
  expect(asked.map(({ limit, types }) => [limit, types[0]?.limit])).toEqual([
    [250, 10],
    [250, 10],
  ])
  expect(all).toMatchObject({ nextDueInMs: 7 })
  expect(all.jobs.length).toBe(600)
})

test('no more is claimed of a type that has what it may have', async () => {
  const want: ClaimRequest = { worker: 'w', limit: 900, types: [{ type: 'mail', limit: 250 }] }
  const none = async (): Promise<Claimed> => {
    throw new Error('nothing is left to ask for')
  }
  expect((await claimRest(want, claimed(250), none)).jobs.length).toBe(250)
})

test('a piece that fails does not lose the jobs claimed before it', async () => {
  const want: ClaimRequest = { worker: 'w', limit: 900, types: [{ type: 'mail' }] }
  let calls = 0
  const all = await claimRest(want, claimed(250), async () => {
    if (++calls === 2) throw new UnavailableError('gone')
    return claimed(250)
  })
  expect(all.jobs.length).toBe(500)
  expect(all.nextDueInMs).toBe(0)
})
