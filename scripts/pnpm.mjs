#!/usr/bin/env node
// Runs exactly the pnpm that package.json names, so that a bare clone needs nothing but Node and npm.
//
//   node scripts/pnpm.mjs <pnpm arguments>
//
// A clone without node_modules, and CI, get what the lockfile says and nothing else; later pnpm itself notices when an install is
// stale (verifyDepsBeforeRun in pnpm-workspace.yaml).
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync, realpathSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const self = fileURLToPath(import.meta.url)
export const root = dirname(dirname(self))
const { engines, packageManager } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
const [name, version] = packageManager.split('@')

/** Installs what is missing, runs pnpm and returns its exit status. */
export function pnpm(args) {
  if (existsSync(join(root, 'node_modules/.modules.yaml'))) return run(args)
  return run(['install', '--frozen-lockfile']) || run(args)
}

function run(args) {
  const inside = process.env.npm_config_user_agent?.startsWith(`${name}/${version} `)
  const [command, ...lead] = inside ? [name] : ['npx', '--yes', '--prefer-offline', packageManager]
  const { status, error } = spawnSync(command, [...lead, ...args], {
    cwd: root,
    stdio: 'inherit',
    env: { ...process.env, TURBO_TELEMETRY_DISABLED: '1' },
    shell: process.platform === 'win32',
  })
  if (error) console.error(`could not run ${packageManager}: ${error.message}`)
  return status ?? 1
}

function checkNode() {
  const needed = engines.node.replace('>=', '')
  if (process.versions.node.localeCompare(needed, 'en', { numeric: true }) >= 0) return
  console.error(`Node ${process.versions.node} is too old: this repository needs ${needed} or later`)
  process.exit(1)
}

if (process.argv[1] && realpathSync(process.argv[1]) === self) {
  checkNode()
  // Ctrl-C is for the command; this process waits to pass on its exit status.
  process.on('SIGINT', () => {})
  process.exit(pnpm(process.argv.slice(2)))
}
