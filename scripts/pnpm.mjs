#!/usr/bin/env node
// Runs exactly the pnpm that package.json names, so that a bare clone needs nothing but Node and npm.
//
//   node scripts/pnpm.mjs <pnpm arguments>
//
// A clone without node_modules, and CI, get what the lockfile says and nothing else; afterwards pnpm itself notices a stale
// install (verifyDepsBeforeRun in pnpm-workspace.yaml).
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

const root = join(import.meta.dirname, '..')
const [name, version] = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).packageManager.split(
  /[@+]/,
)

export function pnpm(args, options = {}) {
  const inside = process.env.npm_config_user_agent?.startsWith(`${name}/${version} `)
  const [command, ...lead] = inside ? [name] : ['npx', '--yes', '--prefer-offline', `${name}@${version}`]
  return spawnSync(command, [...lead, ...args], {
    stdio: 'inherit',
    shell: process.platform === 'win32',
    ...options,
  })
}

process.on('SIGINT', () => {})
if (!existsSync(join(root, 'node_modules/.modules.yaml'))) {
  const { status } = pnpm(['install', '--frozen-lockfile'], { cwd: root })
  if (status !== 0) process.exit(status ?? 1)
}
const { status, error } = pnpm(process.argv.slice(2))
if (error) console.error(`could not run ${name} ${version}: ${error.message}`)
process.exit(status ?? 1)
