// What a stranger would do, as CI does it: packs core and the testkit, installs the tarballs into a folder outside this workspace, and
// runs the testkit there against the adapter of this example, and against what `init` scaffolds.
import { spawnSync } from 'node:child_process'
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const here = import.meta.dirname
const root = join(here, '../..')
const outside = mkdtempSync(join(tmpdir(), 'sched-third-party-'))

try {
  const tarballs = pack(['core', 'adapter-testkit'])
  install(outside, tarballs)
  conforms()
  sameTargetUnderNodeTest()
  scaffolds('javascript', tarballs)
  scaffolds('typescript', tarballs)
  saysWhatIsWrong()
  followsTheGuide(tarballs)
  console.log('\na stranger gets a green scorecard, and is told what is wrong on the way there')
} finally {
  rmSync(outside, { recursive: true, force: true })
}

/** Builds and packs them as they would be published; gives name → tarball. */
function pack(packages) {
  run(
    'pnpm',
    [
      'exec',
      'turbo',
      'run',
      'build',
      ...packages.map((name) => `--filter=@sched/${name}`),
      '--output-logs=errors-only',
    ],
    { cwd: root },
  )
  for (const name of packages)
    run('pnpm', ['pack', '--pack-destination', outside], { cwd: join(root, 'packages', name), quiet: true })
  const files = readdirSync(outside).filter((file) => file.endsWith('.tgz'))
  return Object.fromEntries(
    packages.map((name) => [
      `@sched/${name}`,
      `file:${join(
        outside,
        files.find((file) => file.startsWith(`sched-${name}-`)),
      )}`,
    ]),
  )
}

/** With npm, which knows nothing of the workspace. */
function install(folder, tarballs) {
  const manifest = join(folder, 'package.json')
  const known =
    folder === outside
      ? { private: true, type: 'module', dependencies: { zod: '^4.0.0' } }
      : JSON.parse(readFileSync(manifest, 'utf8'))
  const { devDependencies, ...rest } = known
  const dependencies = { ...rest.dependencies, ...devDependencies, ...tarballs }
  writeFileSync(manifest, JSON.stringify({ ...rest, dependencies }, null, 2))
  run('npm', ['install', '--no-audit', '--no-fund', '--prefer-offline', '--silent'], { cwd: folder })
}

function conforms() {
  for (const part of ['src', 'target.ts']) cpSync(join(here, part), join(outside, part), { recursive: true })
  // how it grows is known (see its waivers), and takes minutes to measure
  testkit(['./target.ts', '--skip', 'perf', '--json', '--output', 'report.json'], { expected: 0 })
  const { tier, total } = JSON.parse(readFileSync(join(outside, 'report.json'), 'utf8'))
  if (tier === 'none' || tier === undefined || total.pass < 300)
    throw new Error(`the example reached ${tier} with ${total.pass} cases passed`)
}

function sameTargetUnderNodeTest() {
  const file = join(outside, 'conformance.test.mjs')
  writeFileSync(
    file,
    `import { test } from 'node:test'
import { createJiti } from 'jiti'
import { describeLockAdapter } from '@sched/adapter-testkit'
describeLockAdapter(await createJiti(import.meta.url).import('./target.ts', { default: true }), { test })
`,
  )
  run(process.execPath, ['--test', file], { cwd: outside, quiet: true })
}

/** A blank adapter installs, runs, and fails with words that help: exit code 1, not 2. */
function scaffolds(language, tarballs) {
  const folder = join(outside, `my-${language}-adapter`)
  testkit(['init', folder, ...(language === 'typescript' ? ['--typescript'] : [])], { expected: 0 })
  install(folder, tarballs)
  const extension = language === 'typescript' ? 'ts' : 'js'
  const output = testkit([`./target.${extension}`, '--only', 'storage/roundtrip'], {
    expected: 1,
    cwd: folder,
  })
  for (const words of ['is not written yet', 'replay', 'seed', 'rule'])
    if (!output.includes(words))
      throw new Error(`the blank ${language} adapter’s failure does not say "${words}":\n${output}`)
}

function saysWhatIsWrong() {
  writeFileSync(join(outside, 'wrong.mjs'), 'export default { name: "", open: 1 }\n')
  const output = testkit(['./wrong.mjs'], { expected: 2 })
  for (const words of ['`name`', '`open', '`destroy'])
    if (!output.includes(words))
      throw new Error(`a wrong target is refused without naming ${words}:\n${output}`)
}

/** docs/adapters/writing-an-adapter.md, step by step, with the very code it shows. */
function followsTheGuide(tarballs) {
  const guide = readFileSync(join(root, 'docs/adapters/writing-an-adapter.md'), 'utf8')
  const [lock, lockTarget, fix, target] = [...guide.matchAll(/^```ts\n([\s\S]*?)^```/gm)].map(
    ([, code]) => code,
  )
  const folder = join(outside, 'guide')
  const write = (file, text) => writeFileSync(join(folder, file), text)
  testkit(['init', folder, '--typescript'], { expected: 0 })
  install(folder, tarballs)
  for (const file of ['lock-file.ts', 'folder.ts', 'filter.ts'])
    cpSync(join(here, 'src', file), join(folder, file))
  write('lock.ts', lock)
  write('target.ts', lockTarget)
  const failed = testkit(['./target.ts', '--only', 'lock'], { expected: 1, cwd: folder })
  if (!failed.includes('lock/release-foreign [bare] failed'))
    throw new Error(`the guide’s mistake is not found:\n${failed}`)
  write('lock.ts', lock.replace(/ {4}await this\.#folder\.change\([\s\S]*?\n {4}\}\)\n/, fix))
  testkit(['./target.ts', '--only', 'lock'], { expected: 0, cwd: folder })
  for (const file of ['storage.ts', 'broker.ts']) cpSync(join(here, 'src', file), join(folder, file))
  write('target.ts', target)
  testkit(['./target.ts', '--only', 'storage', '--only', 'broker', '--only', 'lock'], {
    expected: 0,
    cwd: folder,
  })
}

function testkit(args, { expected, cwd = outside }) {
  console.log(`\n$ npx @sched/adapter-testkit ${args.join(' ')}`)
  const { status, stdout, stderr, error } = spawnSync('npx', ['--no-install', 'adapter-testkit', ...args], {
    cwd,
    encoding: 'utf8',
  })
  if (error) throw error
  if (status !== expected) throw new Error(`exit code ${status} instead of ${expected}\n${stderr}\n${stdout}`)
  if (expected === 0) console.log(stdout)
  return stdout + stderr
}

function run(command, args, { cwd, quiet = false }) {
  const { status, stdout, stderr, error } = spawnSync(command, args, {
    cwd,
    encoding: 'utf8',
    stdio: quiet ? 'pipe' : ['ignore', 'inherit', 'inherit'],
  })
  if (error) throw error
  if (status !== 0)
    throw new Error(`${command} ${args.join(' ')} failed (${status})\n${stdout ?? ''}\n${stderr ?? ''}`)
}
