import type { ClaimedJob, JobPage, JobQuery, JobRecord, JobStore } from '@sched/core/adapter'
import { serviceUrl } from '@sched/test-services'
import { Redis } from 'ioredis'
import { expect, onTestFinished, test } from 'vitest'
import { claim, complete, job, join, openStore } from './jobs.support.ts'
import { everyKeyOf } from './keys.ts'

const url = serviceUrl('redis')

async function opened() {
  const { store, prefix, close } = await openStore({ url })
  const raw = new Redis(url)
  onTestFinished(async () => {
    raw.disconnect()
    await close()
  })
  await join(store)
  return { store, prefix, raw }
}

async function record(store: JobStore, id: string): Promise<JobRecord> {
  const [found] = await store.get([id])
  if (!found) throw new Error(`no record of ${id}`)
  return found
}

/** Until it is later than `at` (ms) by the server's clock. */
async function passed(raw: Redis, at: number): Promise<void> {
  for (let now = 0; now <= at; ) {
    const [seconds, micros] = await raw.time()
    now = Number(seconds) * 1_000 + Math.floor(Number(micros) / 1_000)
  }
}

async function keysOf(raw: Redis, prefix: string): Promise<string[]> {
  const keys: string[] = []
  for await (const found of raw.scanStream({ match: everyKeyOf(prefix) })) keys.push(...(found as string[]))
  return keys
}

test('a job moved out of the middle of a list is claimed once, at its new due', async () => {
  const { store } = await opened()
  await store.insert(['a', 'b', 'c'].map((id) => job(id)))
  for (const kind of ['promote', 'promote'] as const)
    expect(await store.change(['b'], { kind })).toEqual(['ok'])
  await store.change(['a'], { kind: 'reschedule', delayMs: 60_000 })
  await store.change(['a'], { kind: 'promote' })
  const jobs = await claim(store, 10)
  expect(jobs.map((one) => one.id)).toEqual(['c', 'b', 'a'])
  expect(await claim(store)).toEqual([])
  await complete(store, jobs)
  expect((await store.counts()).types.mail).toMatchObject({ pending: 0, running: 0, completed: 3 })
})

test('what was cancelled and retried at once leaves no second entry', async () => {
  const { store } = await opened()
  for (let round = 0; round < 30; round++) {
    const id = `job-${round}`
    await store.insert([job(id)])
    await store.change([id], { kind: 'cancel' })
    await store.change([id], { kind: 'retry' })
    await store.change([id], { kind: 'promote' })
    // a due of a later millisecond than now stands for the ghosts before it
    let jobs = await claim(store)
    while (jobs.length === 0) jobs = await claim(store)
    expect(jobs.map((one) => one.id)).toEqual([id])
    expect(await claim(store)).toEqual([])
    await complete(store, jobs)
  }
})

test('a discarded id that comes again after it was forgotten is a new job', async () => {
  const { store } = await opened()
  await store.insert([job('a', { rememberMs: 0 })])
  await store.change(['a'], { kind: 'discard' })
  const again = { ...job('a', { rememberMs: 0 }), payload: 'new' }
  while ((await store.insert([again]))[0] === 'exists');
  expect((await claim(store)).map((one) => one.payload)).toEqual(['new'])
  expect(await claim(store)).toEqual([])
})

test('among many remembered ids exactly those that ended are known', async () => {
  const { store } = await opened()
  const retention = { completed: { count: 0 } }
  const ids = Array.from({ length: 20_000 }, (_, n) => `job-${n}`)
  for (let n = 0; n < ids.length; n += 1_000) {
    await store.insert(ids.slice(n, n + 1_000).map((id) => job(id, { retention })))
    await complete(store, await claim(store, 1_000))
  }
  for (let n = 0; n < ids.length; n += 1_000) {
    const chunk = ids.slice(n, n + 500)
    const others = chunk.map((id) => `new-${id}`)
    const answers = await store.insert([...chunk, ...others].map((id) => job(id, { retention })))
    expect(answers).toEqual([...chunk.map(() => 'exists'), ...others.map(() => 'inserted')])
  }
})

test.each([
  ['one job', [job('now')]],
  ['several alike', [job('now'), job('now-2')]],
  ['several', [job('now'), job('now-2', { type: 'other' }), job('later', { delayMs: 60_000 })]],
])('what comes due as %s comes in is counted once', async (_, more) => {
  const { store, raw } = await opened()
  const due = [job('due'), job('due-late', { expiresInMs: 60_000 })]
  await store.insert(due.map((one) => ({ ...one, delayMs: 1 })))
  const pending = async (): Promise<number> => {
    const { types } = await store.counts()
    return Object.values(types).reduce((sum, counts) => sum + (counts.pending ?? 0), 0)
  }
  expect(await pending()).toBe(2)
  await passed(raw, (await record(store, 'due-late')).runAt)
  await store.insert(more)
  expect(await pending()).toBe(2 + more.length)
  const types = [{ type: 'mail' }, { type: 'other' }]
  const later = more.filter(({ delayMs }) => delayMs !== undefined).length
  expect(await claim(store, 10, types)).toHaveLength(2 + more.length - later)
  expect(await pending()).toBe(later)
})

test('released jobs take their old places', async () => {
  const { store } = await opened()
  await store.insert(['a', 'b', 'c', 'd'].map((id) => job(id)))
  const jobs = await claim(store, 3)
  await store.settle(jobs.map(({ id, token }) => ({ id, token, kind: 'release' })))
  expect((await claim(store, 10)).map((one) => one.id)).toEqual(['a', 'b', 'c', 'd'])
})

test('over many types the highest priority comes first, then what is due first', async () => {
  const { store } = await opened()
  const types = Array.from({ length: 12 }, (_, n) => `type-${n}`)
  for (let n = 0; n < 60; n++)
    await store.insert([job(`job-${n}`, { type: types[(n * 7) % 12] as string, priority: -(n % 3) })])
  const got: ClaimedJob[] = []
  for (let jobs = await next(); jobs.length > 0; jobs = await next()) got.push(...jobs)
  expect(new Set(got.map((one) => one.id)).size).toBe(60)
  const order = got.map((one) => -one.priority * 1e13 + one.dueAt)
  expect(order).toEqual([...order].sort((a, b) => a - b))

  function next(): Promise<readonly ClaimedJob[]> {
    return claim(
      store,
      7,
      types.map((type) => ({ type })),
    )
  }
})

test('a type named like a property of every object counts as any other', async () => {
  const { store } = await opened()
  for (const type of ['__proto__', 'constructor', 'a:b{}%']) {
    await store.insert([job(`job-${type}`, { type })])
    const jobs = await claim(store, 10, [{ type }])
    expect(jobs.map((one) => one.type)).toEqual([type])
    await complete(store, jobs)
    expect(Object.entries((await store.counts()).types).find(([name]) => name === type)?.[1].completed).toBe(
      1,
    )
  }
})

test('nothing is left of a million short-lived jobs but counters and remembered ids', async () => {
  const { store, prefix, raw } = await opened()
  const retention = { completed: { count: 0 } }
  for (let n = 0; n < 20; n++) {
    await store.insert(Array.from({ length: 500 }, (_, k) => job(`${n}-${k}`, { retention, rememberMs: 1 })))
    await complete(store, await claim(store, 500))
  }
  // the last ids are remembered until the bucket of their millisecond ends
  await expect.poll(sweptBytes).toBeLessThan(4_000)
  expect((await keysOf(raw, prefix)).length).toBeLessThan(10)

  async function sweptBytes(): Promise<number> {
    for (let report = await store.sweep({}); report.more; report = await store.sweep({}));
    const keys = await keysOf(raw, prefix)
    const sizes = await Promise.all(keys.map((key) => raw.call('memory', 'usage', key) as Promise<number>))
    return sizes.reduce((sum, size) => sum + size, 0)
  }
})

test('entries of cancelled jobs do not pile up where nobody claims', async () => {
  const { store, prefix, raw } = await opened()
  const retention = { cancelled: { count: 0 } }
  await store.insert(Array.from({ length: 50 }, (_, n) => job(`stays-${n}`)))
  for (let n = 0; n < 6; n++) {
    const ids = Array.from({ length: 1_000 }, (_, k) => `goes-${n}-${k}`)
    await store.insert([...ids.map((id) => job(id, { retention }))])
    await store.change(ids, { kind: 'cancel' })
    if (n === 2) await store.insert(Array.from({ length: 50 }, (_, k) => job(`between-${k}`)))
  }
  const pending = async (): Promise<number | undefined> => (await store.counts()).types.mail?.pending
  expect(await pending()).toBe(100)
  for (let report = await store.sweep({}); report.more; report = await store.sweep({}));
  const [list] = (await keysOf(raw, prefix)).filter((key) => key.includes('}r:'))
  expect(await raw.llen(list as string)).toBeLessThanOrEqual(1_200)
  expect(await pending()).toBe(100)
  const jobs = await claim(store, 1_000)
  expect(await pending()).toBe(0)
  expect(jobs.map((one) => one.id)).toEqual([
    ...Array.from({ length: 50 }, (_, n) => `stays-${n}`),
    ...Array.from({ length: 50 }, (_, n) => `between-${n}`),
  ])
})

test('finished jobs beyond the count go at the settle, and those past their age in bounded sweeps', async () => {
  const { store, raw } = await opened()
  const retention = { completed: { count: 20, ageMs: 1 } }
  await store.insert(Array.from({ length: 100 }, (_, n) => job(`job-${n}`, { retention })))
  await complete(store, await claim(store, 100))
  const kept = await store.list({ state: 'completed', limit: 1_000 })
  expect(kept.jobs.length).toBe(20)
  await passed(raw, Math.max(...kept.jobs.map(({ finishedAt }) => finishedAt ?? 0)) + 1)
  const first = await store.sweep({ limit: 15 })
  expect(first).toMatchObject({ pruned: 15, more: true })
  expect((await store.sweep({ limit: 15 })).pruned).toBe(5)
  expect((await store.counts()).types.mail?.completed).toBe(100)
})

test('errors and reasons are kept whatever characters they have, and cut where they are huge', async () => {
  const { store } = await opened()
  await store.insert([job('a'), job('b'), job('c')])
  const [a, b] = await claim(store, 2)
  const error = { name: 'E\0', message: `\uD800${'x'.repeat(9_000_000)}` }
  const settled = await store.settle([
    { id: 'a', token: a?.token ?? '', kind: 'fail', error, reason: 'error' },
    { id: 'b', token: b?.token ?? '', kind: 'cancel', reason: 'no\0more' },
  ])
  expect(settled.settled).toEqual(['ok', 'ok'])
  await store.change(['c'], { kind: 'cancel', reason: ';|,' })
  const failed = await record(store, 'a')
  expect(failed.error?.name).toBe('E\0')
  expect(failed.error?.message.length).toBe(65_536)
  expect((await record(store, 'b')).reason).toBe('no\uFFFDmore')
  expect((await record(store, 'c')).reason).toBe(';|,')
})

test('the reason a cancellation was asked for with stays, unless the worker gives one', async () => {
  const { store } = await opened()
  await store.insert(['a', 'b', 'c'].map((id) => job(id)))
  const jobs = await claim(store)
  await store.change(['a', 'b'], { kind: 'cancel', reason: 'why' })
  const reasons = { a: undefined, b: 'own', c: undefined }
  await store.settle(
    jobs.map(({ id, token }) => {
      const reason = reasons[id as keyof typeof reasons]
      return { id, token, kind: 'cancel', ...(reason !== undefined && { reason }) }
    }),
  )
  const ended = await store.get(['a', 'b', 'c'])
  expect(ended.map((one) => [one?.state, one?.reason])).toEqual([
    ['cancelled', 'why'],
    ['cancelled', 'own'],
    ['cancelled', null],
  ])
})

test('outcomes of many at once: held, settled before, held by another, unknown', async () => {
  const { store } = await opened()
  await join(store, 'w2')
  await store.insert(['a', 'b', 'c'].map((id) => job(id)))
  const [a, b, c] = await claim(store, 3)
  await complete(store, [a as ClaimedJob])
  await store.settle([{ id: 'b', token: b?.token ?? '', kind: 'release' }])
  await store.settle([], { worker: 'w2', limit: 1, types: [{ type: 'mail' }] })
  const outcome = (id: string) => ({ id, token: a?.token ?? '', kind: 'complete' }) as const
  expect((await store.settle(['a', 'b', 'c', 'd'].map(outcome))).settled).toEqual(['ok', 'stale', 'ok', 'ok'])
  expect((await record(store, c?.id ?? '')).state).toBe('completed')
})

test('bytes that are no value fail their job and are kept', async () => {
  const { store, prefix, raw } = await opened()
  await store.insert([job('broken'), job('sound')])
  const [key] = (await keysOf(raw, prefix)).filter((name) => name.endsWith('}b'))
  const body = (await raw.hget(key as string, 'broken')) as string
  await raw.hset(key as string, 'broken', body.replace(/\{.*$/, '{"of":'))
  expect((await claim(store)).map((one) => one.id)).toEqual(['sound'])
  expect(await record(store, 'broken')).toMatchObject({
    state: 'failed',
    reason: 'undecodable',
    payload: null,
    raw: '{"of":',
  })
})

test('walks over finished and over running jobs give each once, while others come and go', async () => {
  const { store } = await opened()
  const types = ['mail', 'note', 'é']
  const ids = Array.from({ length: 90 }, (_, n) => `job-${n}`)
  await store.insert(ids.map((id, n) => job(id, { type: types[n % 3] as string })))
  const jobs = await claim(
    store,
    90,
    types.map((type) => ({ type })),
  )
  const error = { name: 'Error', message: 'no' }
  await store.settle(
    jobs.slice(0, 60).map(({ id, token }) => ({ id, token, kind: 'fail', error, reason: 'error' })),
  )
  const failed = jobs.slice(0, 60).map((one) => one.id)

  const walk = async (query: JobQuery): Promise<string[]> => {
    const seen: string[] = []
    let after: string | null = null
    do {
      const page: JobPage = await store.list({ ...query, limit: 7, ...(after !== null && { after }) })
      seen.push(...page.jobs.map((one) => one.id))
      after = page.after
      await store.change(failed.splice(0, 2), { kind: 'discard' })
    } while (after !== null)
    return seen
  }
  const stay = failed.slice(30)
  const seen = await walk({ state: ['failed', 'completed'] })
  expect(new Set(seen).size).toBe(seen.length)
  expect(stay.filter((id) => !seen.includes(id))).toEqual([])
  expect((await walk({ state: 'failed', type: 'é' })).every((id) => Number(id.slice(4)) % 3 === 2)).toBe(true)
  expect((await walk({ state: 'running' })).sort()).toEqual(
    jobs
      .slice(60)
      .map((one) => one.id)
      .sort(),
  )
  await expect(store.list({ state: 'failed', after: 'x' })).rejects.toMatchObject({
    code: 'INVALID_ARGUMENT',
  })
  await expect(store.insert([], { transaction: {} })).rejects.toMatchObject({ code: 'UNSUPPORTED' })
})

test('a walk over all jobs gives each once while most of them go', async () => {
  const { store } = await opened()
  const stay = Array.from({ length: 200 }, (_, n) => `stays-${n}`)
  const go = Array.from({ length: 4_000 }, (_, n) => `goes-${n}`)
  for (let n = 0; n < go.length; n += 1_000) await store.insert(go.slice(n, n + 1_000).map((id) => job(id)))
  await store.insert(stay.map((id) => job(id)))
  const seen: string[] = []
  let after: string | null = null
  do {
    const page = await store.list({ limit: 50, ...(after !== null && { after }) })
    seen.push(...page.jobs.map((one) => one.id))
    after = page.after
    await store.change(go.splice(0, 500), { kind: 'discard' })
  } while (after !== null)
  expect(seen.filter((id) => id.startsWith('stays-')).sort()).toEqual([...stay].sort())
  expect(new Set(seen).size).toBe(seen.length)
})

test('cleaning a hundred thousand finished jobs goes in short steps', { timeout: 60_000 }, async () => {
  const { store } = await opened()
  const retention = { completed: { ageMs: 1 } }
  for (let n = 0; n < 100; n++) {
    const jobs = Array.from({ length: 1_000 }, (_, k) => job(`${n}-${k}`, { retention, rememberMs: 1 }))
    await store.insert(jobs)
    await complete(store, await claim(store, 1_000))
  }
  const durations: number[] = []
  let pruned = 0
  for (let more = true; more; ) {
    const start = performance.now()
    const report = await store.sweep({})
    durations.push(performance.now() - start)
    pruned += report.pruned
    more = report.more
  }
  expect(pruned).toBeGreaterThanOrEqual(100_000)
  // the median: other programs on the machine hold up single steps
  expect(durations.sort((a, b) => a - b)[durations.length >> 1]).toBeLessThan(50)
})
