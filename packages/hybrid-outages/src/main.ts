// `npm run outages`: real outages under a hybrid of PostgreSQL and Redis. Prints what became of the jobs, and ends with 1 when one was
// lost or ran after its end.
import { parseArgs } from 'node:util'
import { type OutageReport, runOutage } from './outage.ts'
import { SCENARIOS, type ScenarioName } from './scenarios.ts'

const NAMES = Object.keys(SCENARIOS) as ScenarioName[]
const USAGE = `npm run outages -- [--scenario NAME]… [--jobs 20000] [--seconds 10] [--verbose]
scenarios: ${NAMES.join(', ')}; default: all of them, one after the other`

const COLUMNS: Readonly<Record<string, (report: OutageReport) => string | number>> = {
  outage: ({ scenario }) => SCENARIOS[scenario].title,
  'jobs accepted': ({ accepted }) => accepted,
  lost: ({ lost }) => lost,
  'run after their end': ({ forbidden }) => forbidden,
  'ended twice': ({ endedTwice }) => endedTwice,
  'ran while paused': ({ ranPaused }) => ranPaused,
  'in flight, run again': ({ repeats }) => repeats,
  'dead letters': ({ deadLetters }) => deadLetters,
  'enqueues rejected': ({ rejected }) => rejected,
  'slowest enqueue': ({ slowestEnqueueMs }) => seconds(slowestEnqueueMs),
  'back at work after': ({ backAfterMs }) => seconds(backAfterMs),
  'all done after': ({ lastedMs }) => seconds(lastedMs),
}

const { values } = parseArgs({
  options: {
    scenario: { type: 'string', multiple: true },
    jobs: { type: 'string', default: '20000' },
    seconds: { type: 'string', default: '10' },
    verbose: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
})
const chosen = values.scenario ?? NAMES
const jobs = Number(values.jobs)
const outageMs = Number(values.seconds) * 1_000
const unknown = chosen.find((name) => !NAMES.includes(name as ScenarioName))
if (values.help || unknown !== undefined || !(jobs >= 100) || !(outageMs >= 1_000)) {
  if (unknown !== undefined) console.error(`there is no scenario ${unknown}`)
  console.error(USAGE)
  process.exit(values.help ? 0 : 2)
}

const reports: OutageReport[] = []
for (const scenario of chosen as ScenarioName[]) {
  const report = await runOutage({ scenario, jobs, outageMs, verbose: values.verbose })
  reports.push(report)
  for (const example of report.examples) console.error(`${scenario}: ${example}`)
  if (report.brokenWorkers > 0) console.error(`${scenario}: ${report.brokenWorkers} workers did not end well`)
  console.error(`${scenario}: ${report.good ? 'nothing lost, nothing run after its end' : 'FAULTS'}`)
}
console.log(table(reports))
process.exitCode = reports.every(({ good }) => good) ? 0 : 1

/** A table of Markdown. */
function table(rows: readonly OutageReport[]): string {
  const lines = [Object.keys(COLUMNS), Object.keys(COLUMNS).map(() => '---')]
  for (const row of rows) lines.push(Object.values(COLUMNS).map((cell) => String(cell(row))))
  return lines.map((cells) => `| ${cells.join(' | ')} |`).join('\n')
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`
}
