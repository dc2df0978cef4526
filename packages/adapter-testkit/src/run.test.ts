import type { ILockAdapter } from '@sched/core/adapter'
import { expect, test } from 'vitest'
import { type Case, type CaseDefinition, LONG, suite } from './case.ts'
import { failureText } from './failure-text.ts'
import type { ModelNode } from './model/server.ts'
import { MODEL_PARTS, modelTarget } from './model/target.ts'
import type { Result } from './result.ts'
import { breaks, conforms, run, select } from './run.ts'
import { runCase } from './run-case.ts'
import { scorecardOf } from './scorecard.ts'
import { type Target, TargetError } from './target.ts'

function caseOf(run: Case['run'], more: Partial<CaseDefinition> = {}): Case {
  const [one] = suite('storage', [], {
    example: {
      rule: 'An example holds.',
      why: 'Somebody counts on it.',
      mistake: 'it was forgotten',
      run,
      ...more,
    },
  })
  return one!
}

function runOne(one: Case, target: Target = modelTarget()): Promise<Result> {
  return runCase(target, one, 'bare', { seed: 5, replay: (id, seed) => `replay ${id} ${seed}` })
}

/** The model, whose save forgets every second record. */
function forgetful(): Target {
  return modelTarget('forgetful', {
    storage: (node) => {
      const storage = MODEL_PARTS.storage(node)
      const save = storage.save.bind(storage)
      return Object.assign(storage, {
        save: async (namespace: string, id: string, value: unknown) => {
          if (!id.endsWith('2')) await save(namespace, id, value)
        },
      })
    },
  })
}

test('a case that ends passes, with what it measured', async () => {
  const result = await runOne(caseOf(async ({ report }) => report('12 ms')))
  expect(result).toMatchObject({
    status: 'pass',
    notes: ['12 ms'],
    seed: 5,
    replay: 'replay storage/example 5',
  })
})

test('a broken rule tells rule, why, expected, seen, the usual mistake, the calls, seed and replay', async () => {
  const result = await runOne(
    caseOf(async ({ storage, check }) => {
      await storage.save('jobs', 'a2', { n: 1 })
      check.equal(await storage.get('jobs', 'a2'), { n: 1 }, 'get after save')
    }),
    forgetful(),
  )
  expect(result.status).toBe('fail')
  const text = failureText(result)
  for (const part of [
    'An example holds.',
    'Somebody counts on it.',
    'get after save: { n: 1 }',
    'null',
    'it was forgotten',
    'A.storage.save("jobs", "a2", { n: 1 }) → done',
    'A.storage.get("jobs", "a2") → null',
    'seed      5',
    'replay storage/example 5',
  ])
    expect(text).toContain(part)
})

test('any other error fails the case too, and is shown', async () => {
  const result = await runOne(caseOf(async () => Promise.reject(new RangeError('off by one'))))
  expect(result).toMatchObject({ status: 'fail', failure: { seen: 'RangeError: off by one' } })
})

test('what is not there is n/a, with the reason', async () => {
  const bare: Target = { ...modelTarget(), open: () => ({ close: () => undefined }) }
  expect(
    await runOne(
      caseOf(async ({ storage }) => void storage),
      bare,
    ),
  ).toMatchObject({
    status: 'n/a',
    reason: 'the target has no storage',
  })
  const needing = caseOf(async () => undefined, { needs: ['proxy'] })
  expect(await runOne(needing)).toMatchObject({ status: 'n/a' })
  expect(await runOne(caseOf(async ({ open }) => void (await open({ borrow: true }))))).toMatchObject({
    status: 'n/a',
    reason: expect.stringContaining('borrow'),
  })
})

test('waived: a failure is silenced, a pass fails the run', async () => {
  const waive = { 'storage/example': 'known' }
  const failed = await runOne(
    caseOf(async ({ check }) => check.ok(false, 'x')),
    { ...modelTarget(), waive },
  )
  const passed = await runOne(
    caseOf(async () => undefined),
    { ...modelTarget(), waive },
  )
  expect([failed.status, breaks(failed)]).toEqual(['waived', false])
  expect([passed.status, breaks(passed)]).toEqual(['xpass', true])
})

test('a waiver holds for a case in all its variants, and names one', async () => {
  const lock = (node: ModelNode): ILockAdapter => {
    const inner = MODEL_PARTS.lock(node)
    const isOwner = inner.isOwner.bind(inner)
    // core's namespaces lengthen the key: only the bare variant has this one
    return Object.assign(inner, {
      isOwner: async (key: string, owner: string) => key === 'leader' || (await isOwner(key, owner)),
    })
  }
  const target: Target = { ...modelTarget('half', { lock }), waive: { 'lock/owner-expired': 'known' } }
  const report = await run(target, { only: ['lock/owner-expired'] })
  expect(report.results.map((result) => result.status)).toEqual(['waived', 'pass'])
  expect(conforms(report)).toBe(true)
  const outdated = await run(
    { ...modelTarget(), waive: { 'lock/owner-expired': 'known' } },
    { only: ['lock/owner-expired'] },
  )
  expect(outdated.results.map((result) => result.status)).toEqual(['xpass', 'xpass'])
  await expect(run({ ...modelTarget(), waive: { 'lock/owner': 'a typo' } })).rejects.toThrow(
    'no case: lock/owner',
  )
})

test('a case that the machine is too slow for is inconclusive; a loop without end fails', async () => {
  const target: Target = { ...modelTarget(), timing: { shortestTtlMs: 1 } }
  const slow = await runOne(
    caseOf(() => new Promise(() => undefined), { timeoutMs: 10 }),
    target,
  )
  expect(slow.status).toBe('inconclusive')
  const loop = caseOf(
    async ({ storage }) => {
      for (;;) {
        await storage.get('jobs', 'a')
        if (ended) return
      }
    },
    { timeoutMs: 400 },
  )
  let ended = false
  const endless = await runOne(loop, target)
  ended = true
  expect(endless).toMatchObject({
    status: 'fail',
    failure: { seen: expect.stringContaining('no end after') },
  })
})

test('live steps that outlast their lease are tried again with a longer one', async () => {
  const ttls: number[] = []
  const result = await runOne(
    caseOf(async ({ fits, lock, check }) =>
      fits(async ({ ttl, live, name }) => {
        ttls.push(ttl)
        await lock.acquire(name('k'), 'a', ttl)
        const until = performance.now() + (ttls.length === 1 ? ttl : 0)
        while (performance.now() < until) await null
        live()
        check.equal(await lock.isOwner(name('k'), 'a'), true, 'isOwner')
      }),
    ),
    { ...modelTarget(), timing: { shortestTtlMs: 50 } },
  )
  expect(result.status).toBe('pass')
  expect(ttls).toEqual([50, 150])
})

test('a failure inside a lease that still lived is a failure', async () => {
  const result = await runOne(caseOf(async ({ fits, check }) => fits(async () => check.ok(false, 'it'))))
  expect(result.status).toBe('fail')
})

test('nodes, namespaces and cleanups are ended, also after a failure; what stays is told', async () => {
  const open = new Set<string>()
  const left: string[] = []
  const sound = modelTarget()
  const target: Target = {
    ...sound,
    open: (namespace, options) => {
      open.add(namespace)
      return sound.open(namespace, options)
    },
    destroy: async (namespace) => {
      await sound.destroy(namespace)
      open.delete(namespace)
    },
    hooks: { ...sound.hooks, readRaw: () => ['a key'] },
  }
  let cleaned = 0
  await runCase(
    target,
    caseOf(async ({ open, openElsewhere, defer, check }) => {
      defer(() => void cleaned++)
      await open()
      await openElsewhere()
      check.ok(false, 'x')
    }),
    'bare',
    { seed: 1, replay: String, onLeftover: (text) => left.push(text) },
  )
  expect(open.size).toBe(0)
  expect(cleaned).toBe(1)
  expect(left).toHaveLength(2)
  expect(left[0]).toContain('a key')
})

test('a run of the same seed draws the same, and the replay fails alike', async () => {
  const first = await run(forgetful(), { only: ['storage/count-equals-list'], seed: 11 })
  const again = await run(forgetful(), { only: ['storage/count-equals-list'], seed: 11 })
  const messages = (report: typeof first): unknown[] =>
    report.results.map((result) => result.failure?.message)
  expect(messages(first)[0]).toBeTruthy()
  expect(messages(again)).toEqual(messages(first))
})

test('only and level select; what selects nothing is refused', () => {
  expect(select({ only: ['lock/free'] }).map((one) => one.id)).toEqual(['lock/free'])
  expect(select({ only: ['lock'] }).every((one) => one.area === 'lock')).toBe(true)
  expect(select({ only: ['storage/filter-'] }).length).toBeGreaterThan(5)
  expect(select({ level: 'must' }).every((one) => one.level === 'must')).toBe(true)
  expect(() => select({ only: ['lock/fre'] })).toThrow(TargetError)
})

test('a target that does not open cannot be run', async () => {
  const target: Target = { ...modelTarget(), open: () => Promise.reject(new Error('connect ECONNREFUSED')) }
  await expect(run(target, { only: ['lock/free'] })).rejects.toThrow(/open\(\) failed: .*ECONNREFUSED/s)
  const half: Target = { ...modelTarget(), open: () => ({ lock: {} as never, close: () => undefined }) }
  await expect(run(half)).rejects.toThrow(/lock\.acquire, lock\.renew/)
})

test('the scorecard of a partial run judges no tier; of a lock alone it says so', async () => {
  const report = await run(modelTarget(), { only: ['lock/free'] })
  expect(scorecardOf(report)).toMatchObject({ tier: undefined, conforms: true, total: { pass: 2 } })
  expect(conforms(report)).toBe(true)
  const broken = await run(forgetful(), { only: ['storage/prune-'] })
  expect(scorecardOf({ ...broken, whole: true })).toMatchObject({
    tier: 'none',
    conforms: false,
    next: { tier: 'base' },
  })
})

test('time passes by the hook: a lease of ten minutes ends at once', async () => {
  const start = performance.now()
  const result = await runOne(
    caseOf(async ({ lock, expire, check }) => {
      await lock.acquire('k', 'a', LONG)
      await expire(LONG)
      check.equal(await lock.isOwner('k', 'a'), false, 'isOwner after ten minutes')
    }),
  )
  expect(result.status).toBe('pass')
  expect(performance.now() - start).toBeLessThan(5_000)
})
