// `npm run examples`: runs the `ci` script of every package in examples/, one after the other, with the servers of the adapters it
// depends on. `--report FILE` writes `{ passed, failed }`.
import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { type BackendName, resolveServices, wantedBackends } from '@sched/test-services'

interface Example {
  readonly name: string
  readonly folder: string
  readonly needs: readonly BackendName[]
}

const LIMIT_MS = 300_000
const ENVIRONMENT = { redis: 'REDIS_URL', postgres: 'POSTGRES_URL', mongo: 'MONGODB_URL' } as const

const root = join(import.meta.dirname, '..')
const { values } = parseArgs({ options: { report: { type: 'string' } } })

const examples = findExamples()
const needed = wantedBackends().filter((name) => examples.some(({ needs }) => needs.includes(name)))
const { services, stop } = await resolveServices(needed)
const urls = Object.fromEntries(services.map(({ name, url }) => [ENVIRONMENT[name], url]))

const failed: string[] = []
for (const { name, folder } of examples) {
  console.log(`\n── example ${name}`)
  const { status, error } = spawnSync('pnpm', ['--dir', folder, '--silent', 'run', 'ci'], {
    env: { ...process.env, ...urls },
    stdio: ['ignore', 'inherit', 'inherit'],
    timeout: LIMIT_MS,
  })
  if (error) console.error(error.message)
  if (status !== 0) failed.push(name)
}
await stop()

const passed = examples.length - failed.length
console.log(
  `\n${passed} of ${examples.length} examples ran${failed.length > 0 ? `; not: ${failed.join(', ')}` : ''}`,
)
if (values.report) writeFileSync(values.report, JSON.stringify({ passed, failed: failed.length }))
process.exitCode = failed.length > 0 ? 1 : 0

function findExamples(): Example[] {
  const parent = join(root, 'examples')
  if (!existsSync(parent)) return []
  return readdirSync(parent).flatMap((name): Example[] => {
    const folder = join(parent, name)
    const manifest = join(folder, 'package.json')
    if (!existsSync(manifest)) return []
    const { scripts = {}, dependencies = {} } = JSON.parse(readFileSync(manifest, 'utf8'))
    if (!('ci' in scripts)) return []
    const needs = (['redis', 'postgres', 'mongo'] as const).filter(
      (backend) => `@sched/${backend}` in dependencies,
    )
    return [{ name, folder, needs }]
  })
}
