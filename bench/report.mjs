// Medians and ratios as a Markdown table a workload: printed, and written to docs/benchmarks/.
import { mkdirSync, writeFileSync } from 'node:fs'
import { availableParallelism, cpus, totalmem } from 'node:os'
import { fileURLToPath } from 'node:url'
import { markdownTable } from 'markdown-table'

/** Metrics of which less is better. */
const LOWER = new Set(['p50', 'p99', 'max', 'bytesPerJob', 'callsPerSec', 'workerCpuPct', 'serverCpuPct'])

const UNITS = {
  rate: 'jobs/s',
  p50: 'p50 ms',
  p99: 'p99 ms',
  max: 'max ms',
  bytesPerJob: 'bytes/job',
  callsPerSec: 'calls/s',
  workerCpuPct: 'worker % of a core',
  serverCpuPct: 'server % of a core',
  workerCpuUs: 'worker µs/job',
  serverCpuUs: 'server µs/job',
  workerRssMB: 'worker MB',
  callsPerJob: 'calls/job',
}

export function writeReport({ name, suite, results, rounds, file }) {
  const text = [
    `# Benchmark: ${name}`,
    `${new Date().toISOString().slice(0, 10)} · Node ${process.version} · ${availableParallelism()} cores of ${cpus()[0].model.trim()} · ` +
      `${Math.round(totalmem() / 2 ** 30)} GB · medians of ${rounds} interleaved round${rounds === 1 ? '' : 's'}` +
      `${suite.note ? ` · ${suite.note}` : ''}`,
    'Made by `npm run bench -- ' +
      name +
      '`. A ratio above 1 means that ours (the first row) is better by that factor. Every job was checked to have run exactly once; the clock stops at the last durable settle.',
    ...results.map((result) => section(result)),
  ].join('\n\n')
  console.log(`\n${text}\n`)
  if (!file) return
  const folder = new URL('../docs/benchmarks/', import.meta.url)
  mkdirSync(folder, { recursive: true })
  writeFileSync(new URL(`${name}.md`, folder), `${text}\n`)
  console.error(
    `written to ${fileURLToPath(new URL(`${name}.md`, folder))
      .split('/')
      .slice(-3)
      .join('/')}`,
  )
}

function section({ workload, contenders }) {
  const ours = contenders[0]
  const header = [
    '',
    ...workload.metrics.flatMap((metric) => [UNITS[metric] ?? metric, 'ours is better by']),
    'correct',
  ]
  const rows = contenders.map((contender) => [
    nameOf(contender),
    ...workload.metrics.flatMap((metric) => [
      cell(contender, metric),
      contender === ours ? '' : ratio(ours, contender, metric),
    ]),
    verdict(contender),
  ])
  return [
    `## ${workload.title}`,
    markdownTable([header, ...rows]),
    ...(workload.target ? [`Target: ${workload.target}.`] : []),
  ].join('\n\n')
}

function nameOf({ name, role }) {
  if (role === 'ours') return `**${name}**`
  // beside a mix the sides alone stand in place of the bare driver
  return role === 'raw' && !name.startsWith('sched-') ? `${name} (bare)` : name
}

function ratio(ours, other, metric) {
  const [a, b] = [median(ours, metric), median(other, metric)]
  if (a === undefined || b === undefined || a === 0 || b === 0) return '–'
  return `${format(LOWER.has(metric) ? b / a : a / b)} ×`
}

function cell(contender, metric) {
  const values = valuesOf(contender, metric)
  if (!values.length) return '–'
  const range = values.length > 1 ? ` (${format(Math.min(...values))}–${format(Math.max(...values))})` : ''
  return `${format(median(contender, metric))}${range}`
}

function verdict({ runs }) {
  const error = runs.find((run) => run.error)?.error
  return `${runs.filter((run) => run.ok).length}/${runs.length}${error ? ` ${error.slice(0, 80).replaceAll('|', '/')}` : ''}`
}

const valuesOf = ({ runs }, metric) =>
  runs.map((run) => run[metric]).filter((value) => Number.isFinite(value))

function median(contender, metric) {
  const sorted = valuesOf(contender, metric).sort((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2
    ? sorted[middle]
    : sorted.length
      ? (sorted[middle - 1] + sorted[middle]) / 2
      : undefined
}

const format = (x) =>
  Math.abs(x) >= 100 ? Math.round(x).toLocaleString('en-US') : String(Math.round(x * 100) / 100)
