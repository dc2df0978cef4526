import { expect, test } from 'vitest'
import { type FaultRule, withFaults } from './wrap.ts'

class Counter {
  n = 0
  inner = 0
  async save(): Promise<number> {
    return ++this.n
  }
  async ping(): Promise<string> {
    return 'pong'
  }
  helper(): number {
    return ++this.inner
  }
}

function faulty(...rules: FaultRule[]): {
  counter: Counter
  wrapped: Counter
  hits: string[]
  killed: () => number
} {
  const counter = new Counter()
  const hits: string[] = []
  let kills = 0
  const wrapped = withFaults(counter, {
    rules,
    seed: 7,
    onFault: (fault, method) => hits.push(`${fault} ${method}`),
    kill: () => kills++,
  })
  return { counter, wrapped, hits, killed: () => kills }
}

test('fail-before: rejected, not done', async () => {
  const { counter, wrapped } = faulty({ fault: 'fail-before' })
  await expect(wrapped.save()).rejects.toMatchObject({ code: 'UNAVAILABLE', ambiguous: false })
  expect(counter.n).toBe(0)
})

test('fail-after: done, rejected as ambiguous', async () => {
  const { counter, wrapped } = faulty({ fault: 'fail-after' })
  await expect(wrapped.save()).rejects.toMatchObject({ code: 'UNAVAILABLE', ambiguous: true })
  expect(counter.n).toBe(1)
})

test('duplicate: done twice', async () => {
  const { counter, wrapped } = faulty({ fault: 'duplicate' })
  expect(await wrapped.save()).toBe(2)
  expect(counter.n).toBe(2)
})

test('delay: done, later', async () => {
  const { wrapped } = faulty({ fault: 'delay', delayMs: 3 })
  expect(await wrapped.save()).toBe(1)
})

test('hang: done, never answered', async () => {
  const { counter, wrapped } = faulty({ fault: 'hang' })
  const answer = await Promise.race([
    wrapped.save(),
    new Promise((resolve) => setImmediate(resolve, 'nothing')),
  ])
  expect(answer).toBe('nothing')
  expect(counter.n).toBe(1)
})

test.each([
  ['kill', 0],
  ['kill-after', 1],
] as const)('%s ends the process, %s calls done', async (fault, done) => {
  const { counter, wrapped, killed } = faulty({ fault })
  void wrapped.save()
  await new Promise((resolve) => setImmediate(resolve))
  expect(killed()).toBe(1)
  expect(counter.n).toBe(done)
})

test('skip, times and methods say which calls are hit; the life cycle and what is no contract’s are spared', async () => {
  const { wrapped, hits } = faulty({ fault: 'fail-before', skip: 1, times: 2 })
  expect(await wrapped.ping()).toBe('pong')
  expect(wrapped.helper()).toBe(1)
  const answers = []
  for (let n = 0; n < 5; n++) answers.push(await wrapped.save().catch(() => 'failed'))
  expect(answers).toEqual([1, 'failed', 'failed', 2, 3])
  expect(hits).toEqual(['fail-before save', 'fail-before save'])
  const named = faulty({ fault: 'fail-before', methods: ['ping'] })
  await expect(named.wrapped.ping()).rejects.toMatchObject({ code: 'UNAVAILABLE' })
  expect(await named.wrapped.save()).toBe(1)
})

test('the same seed draws the same chances', async () => {
  const draw = async (): Promise<unknown[]> => {
    const { wrapped } = faulty({ fault: 'fail-before', chance: 0.5 })
    const answers = []
    for (let n = 0; n < 20; n++) answers.push(await wrapped.save().catch(() => 'failed'))
    return answers
  }
  const first = await draw()
  expect(await draw()).toEqual(first)
  expect(first).toContain('failed')
  expect(first).toContain(1)
})
