#!/usr/bin/env node
// `npm run bench -- <arguments>`: builds the packages, installs what bench/ measures against (it is outside the workspace, so that
// nobody else has to), and hands the arguments to bench/'s own `bench` script.
import { spawnSync } from 'node:child_process'
import { existsSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { pnpm, root } from './pnpm.mjs'

const bench = join(root, 'bench')

process.on('SIGINT', () => {})
process.exit(
  pnpm(['exec', 'turbo', 'run', 'build', '--filter=!@sched/adapter-testkit', '--output-logs=errors-only']) ||
    (isInstalled() ? 0 : npm('install')) ||
    npm('run', '--silent', 'bench', '--', ...process.argv.slice(2)),
)

function npm(...args) {
  return (
    spawnSync('npm', args, { cwd: bench, stdio: 'inherit', shell: process.platform === 'win32' }).status ?? 1
  )
}

/** npm writes this file at the end of every install. */
function isInstalled() {
  const mark = join(bench, 'node_modules/.package-lock.json')
  return existsSync(mark) && statSync(mark).mtimeMs >= statSync(join(bench, 'package.json')).mtimeMs
}
