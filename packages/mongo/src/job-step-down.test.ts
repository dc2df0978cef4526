/** The primary steps down, twice, while jobs are enqueued, claimed and settled: calls wait for the next primary, and no job is lost or ends twice. */
import { BACKEND, type JobStore, type Outcome, SchedError } from '@sched/core/adapter'
import { expect, onTestFinished, test } from 'vitest'
import { mongo } from './index.ts'
import { startReplicaSet } from './replica-set.support.ts'

const MOST = 20
const TYPES = [{ type: 'mail' }]
/** However many there are in the end, none is trimmed: each is asked for. */
const KEEP_ALL = { completed: { ageMs: 3_600_000 } }

test('while primaries step down nothing accepted is lost, and what was settled stays so', {
  timeout: 120_000,
}, async () => {
  const set = await startReplicaSet(3)
  onTestFinished(() => set.stop())
  const open = async (): Promise<JobStore> => {
    const adapters = mongo(set.url)
    onTestFinished(() => adapters.close())
    await adapters.storage.ready?.()
    return adapters.storage[BACKEND]?.fuse({ scope: 'a:b:c', ...adapters }) as JobStore
  }
  const [sender, worker] = [await open(), await open()]
  await worker.heartbeat({ id: 'w', leaseMs: 600_000, phase: 'join' }, [])

  let going = true
  const accepted: string[] = []
  const ended = new Set<string>()
  const fences = new Map<string, number>()
  const againAfterItsEnd: string[] = []
  const grewNot: string[] = []

  async function send(): Promise<void> {
    for (let batch = 0; going; batch++) {
      const jobs = Array.from({ length: MOST }, (_, i) => ({
        id: `${batch}-${i}`,
        type: 'mail',
        payload: null,
        priority: 0,
        retention: KEEP_ALL,
      }))
      const answers = await untilAnswered(() => sender.insert(jobs))
      for (const [i, answer] of answers.entries()) {
        if (answer instanceof Error) throw answer
        accepted.push(jobs[i]?.id as string)
      }
    }
  }

  async function work(): Promise<void> {
    let outcomes: readonly Outcome[] = []
    while (going || outcomes.length > 0 || ended.size < accepted.length) {
      // a call whose answer is lost may have settled, and claimed: the same outcomes are sent again, and the jobs found at a heartbeat
      const { settled, jobs } = await untilAnswered(() =>
        worker.settle(outcomes, { worker: 'w', limit: MOST, types: TYPES }),
      )
      for (const [i, { id }] of outcomes.entries()) if (settled[i] === 'ok') ended.add(id)
      for (const { id, fence } of jobs) {
        if (ended.has(id)) againAfterItsEnd.push(id)
        if (fence <= (fences.get(id) ?? 0)) grewNot.push(id)
        fences.set(id, fence)
      }
      outcomes = jobs.map(({ id, token }) => ({ id, token, kind: 'complete' }))
      if (jobs.length === 0)
        await untilAnswered(() => worker.heartbeat({ id: 'w', leaseMs: 600_000, claimGraceMs: 0 }, []))
    }
  }

  const both = [send(), work()]
  for (let turn = 1; turn <= 2; turn++) {
    const before = ended.size
    await expect.poll(() => ended.size, { timeout: 30_000 }).toBeGreaterThan(before + 2 * MOST)
    await set.stepDown()
  }
  const before = ended.size
  await expect.poll(() => ended.size, { timeout: 30_000 }).toBeGreaterThan(before + 2 * MOST)
  going = false
  await Promise.all(both)

  expect({ againAfterItsEnd, grewNot }).toEqual({ againAfterItsEnd: [], grewNot: [] })
  expect([...ended].sort()).toEqual([...accepted].sort())
  const records = await worker.get(accepted)
  expect(records.filter((record) => record?.state !== 'completed')).toEqual([])
  expect((await worker.counts()).types.mail).toMatchObject({ pending: 0, running: 0 })
})

/** Between two primaries a call may take longer than its deadline, or its answer be lost. */
async function untilAnswered<T>(call: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await call()
    } catch (error) {
      if (!(error instanceof SchedError && error.code === 'UNAVAILABLE')) throw error
    }
  }
}
