#!/usr/bin/env node
// Packs the package of the current folder as it would be published and inspects the tarball. Each package's `package` script.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { root } from './pnpm.mjs'

const folder = mkdtempSync(join(tmpdir(), 'sched-package-'))
const tarball = join(folder, 'package.tgz')
let failed = false
try {
  run('pnpm', ['pack', '--out', tarball])
  if (!failed) {
    run(tool('publint'), ['run', tarball, '--strict'])
    run(tool('attw'), [tarball, '--profile', 'esm-only', '--no-emoji', '--format', 'ascii'])
    manifestIsPublishable()
  }
} finally {
  rmSync(folder, { recursive: true })
}
process.exit(failed ? 1 : 0)

function run(command, args) {
  const { status, error } = spawnSync(command, args, { stdio: 'inherit' })
  if (error) console.error(error.message)
  if (status !== 0) failed = true
}

function tool(name) {
  return join(root, 'node_modules/.bin', name)
}

/** What only has a meaning inside this repository must not get out of it. */
function manifestIsPublishable() {
  const { stdout } = spawnSync('tar', ['-xzOf', tarball, 'package/package.json'], { encoding: 'utf8' })
  for (const word of ['workspace:', 'catalog:', '@sched/source']) {
    if (!stdout.includes(word)) continue
    console.error(`the packed package.json still says "${word}"; is it missing from publishConfig?`)
    failed = true
  }
}
