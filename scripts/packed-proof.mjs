// `npm run packed`: every adapter package as it would be published, installed beside core alone, by npm and by pnpm, in an empty folder
// outside this repository: a user's program compiles (strict, nodenext) and runs there against a real server, by mode and by factories,
// and is told what to install for the others. `--report FILE` writes `{ passed, failed }`.
import { spawn } from 'node:child_process'
import { copyFile, cp, mkdir, mkdtemp, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { resolveServices, wantedBackends } from '@sched/test-services'

const root = join(import.meta.dirname, '..')
const { values } = parseArgs({ options: { report: { type: 'string' } } })
const work = await mkdtemp(join(tmpdir(), 'sched-packed-'))

const INSTALL = {
  npm: ['npm', 'install', '--prefer-offline', '--no-audit', '--no-fund', '--loglevel=error'],
  pnpm: ['pnpm', 'install', '--ignore-workspace', '--prefer-offline', '--reporter=silent'],
}

const wanted = wantedBackends()
const adapters = ['memory', ...wanted]
const results = []
let stopServices = async () => undefined
try {
  await run(root, ['pnpm', 'exec', 'turbo', 'run', 'build', '--output-logs=errors-only', ...filters()])
  const [{ services, stop }] = await Promise.all([
    resolveServices(wanted),
    ...['core', ...adapters].map(pack),
  ])
  stopServices = stop
  const urls = Object.fromEntries(services.map(({ name, url }) => [name, url]))
  const cases = adapters.flatMap((name) => Object.keys(INSTALL).map((manager) => ({ name, manager })))
  await inTurns(2, cases, async ({ name, manager }) => {
    const folder = join(work, `${name}-by-${manager}`)
    await attempt(`${name}, installed by ${manager}`, async () => {
      await install(folder, name, manager)
      await compile(folder)
      await runProgram(folder, name, urls[name])
    })
  })
  await attempt('memory, where core is linked from elsewhere', async () => {
    const folder = join(work, 'memory-by-npm')
    await linkCoreFromElsewhere(folder)
    await runProgram(folder, 'memory')
  })
} finally {
  await stopServices()
  await rm(work, { recursive: true, force: true })
}

const failed = results.filter((passed) => !passed).length
const passed = results.length - failed
console.log(`\n${passed} of ${results.length} installations work as published`)
if (values.report) await writeFile(values.report, JSON.stringify({ passed, failed }))
process.exitCode = failed > 0 || passed === 0 ? 1 : 0

function filters() {
  return ['core', ...adapters].map((name) => `--filter=@sched/${name}`)
}

async function pack(name) {
  await run(join(root, 'packages', name), ['pnpm', 'pack', '--out', join(work, `${name}.tgz`)])
}

/** An empty project with core, the one adapter, and what a TypeScript user has besides. */
async function install(folder, name, manager) {
  const versions = await catalog(['zod', '@types/node'])
  const dependencies = {
    '@sched/core': `file:../core.tgz`,
    [`@sched/${name}`]: `file:../${name}.tgz`,
    ...versions,
  }
  await mkdir(folder)
  await writeFile(
    join(folder, 'package.json'),
    JSON.stringify({ type: 'module', private: true, dependencies }),
  )
  await copyFile(join(import.meta.dirname, 'packed-proof/program.ts'), join(folder, 'program.ts'))
  await run(folder, INSTALL[manager])
}

async function catalog(names) {
  const text = await readFile(join(root, 'pnpm-workspace.yaml'), 'utf8')
  return Object.fromEntries(
    names.map((name) => [
      name,
      new RegExp(`^ +'?${name}'?: (.+)$`, 'm').exec(text)?.[1] ?? fail(`no version of ${name}`),
    ]),
  )
}

/** With the declarations of every dependency checked, too. */
async function compile(folder) {
  const compilerOptions = {
    target: 'es2022',
    module: 'nodenext',
    moduleResolution: 'nodenext',
    strict: true,
    exactOptionalPropertyTypes: true,
    types: ['node'],
  }
  await writeFile(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: ['program.ts'] }))
  await run(folder, [process.execPath, join(root, 'node_modules/typescript/bin/tsc')])
}

async function runProgram(folder, backend, url = '') {
  const prefix = `packed-${process.pid}-${Date.now()}`
  const PROOF = JSON.stringify({ backend, url, prefix, install: 'npm install' })
  await run(folder, [process.execPath, 'program.js'], { PROOF })
}

/** Core's own place has its dependencies and no adapter, as in a monorepo that links it. */
async function linkCoreFromElsewhere(folder) {
  const elsewhere = join(work, 'elsewhere')
  const modules = join(folder, 'node_modules')
  await mkdir(join(elsewhere, 'node_modules'), { recursive: true })
  for (const name of ['zod', 'croner'])
    await cp(join(modules, name), join(elsewhere, 'node_modules', name), { recursive: true })
  await rename(join(modules, '@sched/core'), join(elsewhere, 'core'))
  await symlink(join(elsewhere, 'core'), join(modules, '@sched/core'))
}

async function attempt(title, task) {
  const start = performance.now()
  try {
    await task()
    results.push(true)
    console.log(`ok      ${title} (${((performance.now() - start) / 1000).toFixed(1)} s)`)
  } catch (error) {
    results.push(false)
    console.log(`not ok  ${title}\n${error.message}`)
  }
}

/** At most `lanes` at once. */
async function inTurns(lanes, items, task) {
  const queue = [...items]
  const lane = async () => {
    for (let item = queue.shift(); item !== undefined; item = queue.shift()) await task(item)
  }
  await Promise.all(Array.from({ length: lanes }, lane))
}

/** Without the variables by which the package manager that runs this script tells its children of itself and of this repository. */
function run(cwd, [command, ...args], extra = {}) {
  const inherited = Object.entries(process.env).filter(([name]) => !/^((npm|pnpm)_|NODE_PATH$)/i.test(name))
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      cwd,
      env: { ...Object.fromEntries(inherited), ...extra },
      timeout: 600_000,
    })
    let output = ''
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (output += chunk))
    child.on('error', reject)
    child.on('close', (code) => {
      if (code === 0) resolve(output)
      else reject(new Error(`${command} ${args[0]} in ${cwd} ended with ${code}:\n${output}`))
    })
  })
}

function fail(message) {
  throw new Error(message)
}
