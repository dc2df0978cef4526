import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { installCommand, loadPackage } from './load-package.ts'

let application: string

/** An ESM package with a default export condition alone, as ours are. */
async function install(name: string, code: string): Promise<void> {
  const folder = join(application, 'node_modules', name)
  await mkdir(folder, { recursive: true })
  const manifest = { name, version: '1.0.0', type: 'module', exports: { '.': { default: './index.js' } } }
  await writeFile(join(folder, 'package.json'), JSON.stringify(manifest))
  await writeFile(join(folder, 'index.js'), code)
}

async function asProgram<T>(program: string | undefined, work: () => Promise<T>): Promise<T> {
  const [, before] = process.argv
  process.argv[1] = program as string
  try {
    return await work()
  } finally {
    process.argv[1] = before as string
  }
}

beforeAll(async () => {
  application = await mkdtemp(join(tmpdir(), 'sched-application-'))
  await install('@acme/there', 'export const made = () => 4')
  await install('@acme/broken', "import 'not-installed-at-all'")
})

afterAll(async () => {
  await rm(application, { recursive: true })
})

test('a package that only the application sees is found from the program that runs', async () => {
  const found = await asProgram(join(application, 'main.js'), () => loadPackage('@acme/there', 'the test'))
  expect((found.made as () => number)()).toBe(4)
})

test('one that is nowhere rejects with the command that installs it', async () => {
  for (const program of [undefined, join(application, 'main.js')]) {
    await expect(asProgram(program, () => loadPackage('@acme/nowhere', "mode 'x'"))).rejects.toMatchObject({
      name: 'AdapterNotInstalledError',
      code: 'ADAPTER_NOT_INSTALLED',
      package: '@acme/nowhere',
      command: installCommand('@acme/nowhere'),
      message: expect.stringMatching(
        /^@acme\/nowhere: it is not installed, and mode 'x' needs it; `.* @acme\/nowhere` installs it$/,
      ),
    })
  }
})

test('one that is there and does not load says why', async () => {
  await expect(
    asProgram(join(application, 'main.js'), () => loadPackage('@acme/broken', "mode 'x'")),
  ).rejects.toMatchObject({
    code: 'ADAPTER_NOT_INSTALLED',
    message: expect.stringMatching(/does not load: .*not-installed-at-all/),
    cause: expect.objectContaining({ message: expect.stringContaining('not-installed-at-all') }),
  })
})

test.each([
  ['', 'npm install x'],
  ['npm/11.0.0 node/v20', 'npm install x'],
  ['pnpm/10.34.9 npm/? node/v20', 'pnpm add x'],
  ['yarn/4.0.0 npm/? node/v20', 'yarn add x'],
  ['bun/1.2.0', 'bun add x'],
])('under %j it is installed by %j', (agent, command) => {
  expect(installCommand('x', agent)).toBe(command)
})
