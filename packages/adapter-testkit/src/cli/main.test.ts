import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { main } from './main.ts'

let folder: string

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'testkit-cli-'))
  const model = pathToFileURL(join(import.meta.dirname, '../model/target.ts')).href
  const target = `import { MODEL_PARTS, modelTarget } from '${model}'\n`
  writeFileSync(join(folder, 'sound.ts'), `${target}export default modelTarget('sound')\n`)
  writeFileSync(
    join(folder, 'made.ts'),
    `${target}export default async () => modelTarget('made by a function')\n`,
  )
  writeFileSync(
    join(folder, 'broken.ts'),
    `${target}export default modelTarget('broken', {
      lock: (node) => Object.assign(MODEL_PARTS.lock(node), { isOwner: async () => true }),
    })\n`,
  )
  writeFileSync(join(folder, 'wrong.mjs'), 'export default { open: 1 }\n')
  writeFileSync(join(folder, 'nothing.mjs'), 'export const x = 1\n')
  writeFileSync(join(folder, 'throws.mjs'), 'throw new Error("no server at all")\n')
})

afterAll(() => rmSync(folder, { recursive: true }))

async function cli(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  let [out, err] = ['', '']
  const code = await main(args, {
    stdout: { write: (text) => (out += text) },
    stderr: { write: (text) => (err += text) },
  })
  return { code, out, err }
}

const file = (name: string): string => join(folder, name)

test('0 and a scorecard where every rule holds', async () => {
  const { code, out, err } = await cli(file('sound.ts'), '--only', 'lock/', '--seed', '4')
  expect(code).toBe(0)
  expect(out).toContain('sound · seed 4')
  expect(out).toMatch(/lock +\d+ +0 /)
  expect(out).toContain('conforms')
  expect(err).toContain('cases\n')
})

test('--skip leaves out, and a name that is no case’s is refused', async () => {
  const { out } = await cli('--list', '--only', 'lock', '--skip', 'lock/token-')
  expect(out).toContain('lock/free')
  expect(out).not.toContain('lock/token-')
  expect(await cli('--list', '--skip', 'lokc')).toMatchObject({
    code: 2,
    err: expect.stringContaining('lokc'),
  })
})

test('a target may be made by a function', async () => {
  expect(await cli(file('made.ts'), '--only', 'lock/free')).toMatchObject({ code: 0 })
})

test('1 where a rule is broken, and the replay that is printed fails alike', async () => {
  const { code, out, err } = await cli(file('broken.ts'), '--only', 'lock')
  expect(code).toBe(1)
  expect(out).toContain('does not conform')
  const [, id = '', seed = ''] =
    /replay +npx @sched\/adapter-testkit \S+ --only (\S+) --seed (\d+)/.exec(err) ?? []
  const again = await cli(file('broken.ts'), '--only', id, '--seed', seed)
  expect(again.code).toBe(1)
  expect(again.err).toContain(`✗ ${id}`)
})

test.each([
  [['missing.js'], 'there is no file'],
  [['wrong.mjs'], '`destroy(namespace)` must be a function'],
  [['nothing.mjs'], 'no default export'],
  [['throws.mjs'], 'no server at all'],
  [['sound.ts', '--only', 'lock/nothing'], 'no case is called lock/nothing'],
  [['sound.ts', '--level', 'maybe'], '--level must be'],
  [['sound.ts', '--seed', 'x'], '--seed must be'],
  [['sound.ts', '--colour'], '--colour'],
  [['sound.ts', 'wrong.mjs'], 'one target file'],
])('2 where it cannot run: %j', async ([name = '', ...options], words) => {
  const { code, err } = await cli(
    file(name),
    ...options.map((option) => (option.endsWith('.mjs') ? file(option) : option)),
  )
  expect(code).toBe(2)
  expect(err).toContain(words)
})

test('2 without a target, with the usage', async () => {
  const { code, err } = await cli()
  expect(code).toBe(2)
  expect(err).toContain('--junit')
})

test('--list, --help and --version need no target', async () => {
  expect((await cli('--list', '--only', 'lock')).out).toMatch(/lock\/free +must +acquire of a free key/)
  expect((await cli('--help')).out).toContain('Exit code')
  expect((await cli('--version')).out).toMatch(/^\d+\.\d+\.\d+\n$/)
})

test('--json: scorecard, abilities and every result', async () => {
  const { code, out } = await cli(file('broken.ts'), '--only', 'lock/owner-expired', '--json')
  expect(code).toBe(1)
  const report = JSON.parse(out)
  expect(report).toMatchObject({ target: 'broken', conforms: false, total: { fail: 2 } })
  expect(report.abilities.lock.methods).toContain('acquireLease')
  expect(report.results[0]).toMatchObject({
    id: 'lock/owner-expired',
    status: 'fail',
    failure: { seen: 'true' },
  })
})

test('--junit to a file, and the scorecard beside it', async () => {
  const report = file('report.xml')
  const { out } = await cli(
    file('broken.ts'),
    '--only',
    'lock/free',
    '--only',
    'lock/owner-expired',
    '--junit',
    '--output',
    report,
  )
  const xml = readFileSync(report, 'utf8')
  expect(xml).toContain('<testsuites name="broken" tests="4" failures="4"')
  expect(xml).toContain('<testcase classname="lock" name="lock/owner-expired [bare]"')
  expect(xml.split('<failure').length - 1).toBe(4)
  expect(out).toContain('does not conform')
})

test('init: a blank adapter in an empty folder, and never over something', async () => {
  const { code, out } = await cli('init', join(folder, 'My Adapter'))
  expect(code).toBe(0)
  expect(out).toContain('./target.js')
  expect(JSON.parse(readFileSync(join(folder, 'My Adapter', 'package.json'), 'utf8')).name).toBe('my-adapter')
  expect(await cli('init', join(folder, 'My Adapter'))).toMatchObject({
    code: 2,
    err: expect.stringContaining('not empty'),
  })
  expect((await cli('init', join(folder, 'typed'), '--typescript')).out).toContain('./target.ts')
})

test('a rejection that the adapter lets float fails the run', async () => {
  writeFileSync(
    file('floats.ts'),
    readFileSync(file('sound.ts'), 'utf8').replace(
      "export default modelTarget('sound')",
      `export default modelTarget('floats', {
        lock: (node) => {
          const lock = MODEL_PARTS.lock(node)
          const acquire = lock.acquire.bind(lock)
          return Object.assign(lock, {
            acquire: (key, owner, ttl) => {
              void Promise.reject(new Error('a forgotten reply'))
              return acquire(key, owner, ttl)
            },
          })
        },
      })`,
    ),
  )
  // in a process of its own: vitest takes every unhandled rejection for its own
  const { status, stdout } = spawnSync(
    process.execPath,
    [
      '--conditions=@sched/source',
      '--import',
      import.meta.resolve('tsx'),
      join(import.meta.dirname, '../cli.ts'),
      file('floats.ts'),
      '--only',
      'lock/free',
    ],
    { encoding: 'utf8' },
  )
  expect(status).toBe(1)
  expect(stdout).toContain('a forgotten reply')
})

test('--broker puts the storage of one target beside the broker and the lock of another', async () => {
  const { code, out } = await cli(
    file('sound.ts'),
    '--broker',
    file('made.ts'),
    '--only',
    'hybrid/zombie-finish',
  )
  expect(code).toBe(0)
  expect(out).toContain('sound + made by a function')
  expect(out).toMatch(/hybrid +1 +0 /)
  expect(await cli(file('sound.ts'), '--broker', file('nowhere.ts'))).toMatchObject({ code: 2 })
})
