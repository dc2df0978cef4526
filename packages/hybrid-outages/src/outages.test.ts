// The outages of `npm run outages`, scaled down.
import { expect, test } from 'vitest'
import { runOutage } from './outage.ts'
import { SCENARIOS, type ScenarioName } from './scenarios.ts'

const JOBS = 1_000
const HELD = 100
const LIMIT_MS = 300_000

for (const [scenario, { title }] of Object.entries(SCENARIOS)) {
  test.concurrent(`${title}: nothing is lost, nothing runs after its end`, {
    timeout: LIMIT_MS,
  }, async () => {
    const report = await runOutage({
      scenario: scenario as ScenarioName,
      jobs: JOBS,
      outageMs: 3_000,
      workers: 2,
    })
    expect(report).toMatchObject({
      accepted: JOBS + HELD,
      ...{ lost: 0, forbidden: 0, endedTwice: 0, ranPaused: 0, invented: 0, examples: [] },
      brokenWorkers: 0,
    })
    // else nothing was in flight when a worker was killed
    if (scenario === 'workers-killed') expect(report.repeats).toBeGreaterThan(0)
  })
}
