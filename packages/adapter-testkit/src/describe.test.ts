import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { expect, test } from 'vitest'
import { describeAdapters, describeLockAdapter, type TestContext } from './describe.ts'
import { MODEL_PARTS, modelTarget } from './model/target.ts'
import { run } from './run.ts'

// under vitest itself
describeLockAdapter(modelTarget(), { test })

interface Registered {
  readonly name: string
  readonly fn: (context: TestContext) => Promise<void>
}

function registered(...[target, options]: Parameters<typeof describeAdapters>): Registered[] {
  const tests: Registered[] = []
  describeAdapters(target, { ...options, test: (name, fn) => tests.push({ name, fn }) })
  return tests
}

const broken = modelTarget('broken', {
  lock: (node) => Object.assign(MODEL_PARTS.lock(node), { isOwner: async () => true }),
})

test('one test a case and variant, named by id and rule', async () => {
  const tests = registered(modelTarget(), { only: ['lock/free'] })
  expect(tests.map(({ name }) => name)).toEqual([
    expect.stringMatching(/^lock\/free \[bare\]: acquire of a free key/),
    expect.stringMatching(/^lock\/free \[namespaced\]: /),
  ])
  for (const { fn } of tests) await fn({})
})

test('a failing case throws what the command line prints', async () => {
  const [first] = registered(broken, { only: ['lock/owner-expired'], seed: 3, replay: (id) => `again ${id}` })
  await expect(first?.fn({})).rejects.toThrow(
    /rule .*false once the lease has expired[\s\S]*seed +3[\s\S]*again lock\/owner-expired/,
  )
})

test('n/a skips with the reason', async () => {
  const reasons: (string | undefined)[] = []
  const [first] = registered(modelTarget(), { only: ['life/ping-down'] })
  await first?.fn({ skip: (reason) => reasons.push(reason) })
  expect(reasons).toEqual([expect.stringContaining('upstream')])
})

test('the seed of the environment is taken', async () => {
  process.env.SCHED_TESTKIT_SEED = '77'
  const [first] = registered(broken, { only: ['lock/owner-expired'] })
  delete process.env.SCHED_TESTKIT_SEED
  await expect(first?.fn({})).rejects.toThrow(/seed +77/)
})

test('the same target runs under node --test', () => {
  const folder = mkdtempSync(join(tmpdir(), 'testkit-node-test-'))
  const file = join(folder, 'conformance.test.ts')
  const source = (name: string): string => pathToFileURL(join(import.meta.dirname, name)).href
  writeFileSync(
    file,
    `import { test } from 'node:test'
import { describeAdapters } from '${source('describe.ts')}'
import { modelTarget } from '${source('model/target.ts')}'
describeAdapters(modelTarget(), { test, only: ['lock/', 'life/ping-down'] })
`,
  )
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [
      '--conditions=@sched/source',
      '--import',
      import.meta.resolve('tsx'),
      '--test',
      '--test-reporter=tap',
      file,
    ],
    // a runner inside a runner would report to the outer one
    { encoding: 'utf8', env: { ...process.env, NODE_TEST_CONTEXT: undefined, VITEST: undefined } },
  )
  rmSync(folder, { recursive: true })
  expect(`${stdout}${stderr}`).toMatch(/# pass [1-9]\d/)
  expect(stdout).toMatch(/# fail 0/)
  expect(stdout).toMatch(/# SKIP n\/a: the target names no `upstream`/)
  expect(status).toBe(0)
})

test('every answer is the same as in a run', async () => {
  const report = await run(broken, { only: ['lock'], seed: 9 })
  const tests = registered(broken, { only: ['lock'], seed: 9 })
  const outcomes = await Promise.all(
    tests.map(({ fn }) =>
      fn({}).then(
        () => 'pass',
        () => 'fail',
      ),
    ),
  )
  expect(outcomes).toEqual(report.results.map((result) => result.status))
})
