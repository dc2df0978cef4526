/** Starts the servers once per vitest run, hands their URLs to every project and its child processes, and ends them afterwards. */
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { TestProject } from 'vitest/node'
import { BACKENDS, wantedBackends } from './backends.ts'
import { resolveServices, type Service } from './resolve.ts'

declare module 'vitest' {
  interface ProvidedContext {
    /** The servers of this run by name; one that was not wanted or not needed is missing. */
    services: Readonly<Partial<Record<Service['name'], Service>>>
  }
}

const PACKAGE = '@sched/test-services'

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const wanted = wantedBackends()
  if (!project.vitest.state.getPaths().some(needsServers)) {
    project.provide('services', {})
    report('no test selected needs a server')
    return async () => {}
  }

  const { services, stop } = await resolveServices(wanted).catch(failPlainly)
  for (const { name, url } of services) process.env[BACKENDS[name].variable] = url
  project.provide('services', Object.fromEntries(services.map((service) => [service.name, service])))
  const summary = describe(services)
  report(summary)
  return async () => {
    await stop()
    report(summary)
  }
}

/** A test needs servers when its package says so by depending on this one. */
function needsServers(path: string): boolean {
  for (let folder = dirname(path); folder !== dirname(folder); folder = dirname(folder)) {
    const manifest = join(folder, 'package.json')
    if (!existsSync(manifest)) continue
    const { name, dependencies, devDependencies } = JSON.parse(readFileSync(manifest, 'utf8'))
    return name === PACKAGE || PACKAGE in { ...dependencies, ...devDependencies }
  }
  return false
}

/** What a person reads is the message with the lines to type; where in here it was thrown only hides it. */
function failPlainly(error: unknown): never {
  throw Object.assign(new Error(error instanceof Error ? error.message : String(error)), { stack: '' })
}

function describe(services: readonly Service[]): string {
  const running = services.map(
    ({ name, version, origin, from }) => `${BACKENDS[name].title} ${version} (${origin}: ${from})`,
  )
  const left = (Object.keys(BACKENDS) as Service['name'][]).filter((name) => !wantedBackends().includes(name))
  const without = left.length === 0 ? [] : [`without ${left.join(', ')}, as SCHED_TEST_BACKENDS says`]
  return [...running, ...without].join(' · ')
}

function report(line: string): void {
  console.log(`servers: ${line}`)
}
