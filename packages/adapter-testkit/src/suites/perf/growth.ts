import { type Case, type Context, LONG, suite } from '../../case.ts'
import { Crew } from '../job-store/crew.ts'
import { milliseconds, p50 } from './clocked.ts'

const FEW = 100
const MANY = 100_000
const SAMPLES = 40
/** Below this, in ms, a difference says more about the machine than about the adapter. */
const FLOOR_MS = 0.3
const LIMIT = 5
/** What else the machine does comes and goes, a scan is slow each time: so many medians are taken before it counts as one. */
const ATTEMPTS = 5
/** How long filling may take; what is there by then is what is measured. */
const FILL_MS = 60_000

async function gate(
  context: Context,
  fill: (from: number, to: number) => Promise<void>,
  claimOne: () => Promise<void>,
): Promise<void> {
  const { check } = context
  await fill(0, FEW)
  await milliseconds(10, claimOne)
  const few = p50(await milliseconds(SAMPLES, claimOne))
  const start = performance.now()
  let waiting = FEW
  while (waiting < MANY && performance.now() - start < FILL_MS) {
    const to = Math.min(MANY, waiting + 10_000)
    await fill(waiting, to)
    waiting = to
  }
  const limitMs = LIMIT * Math.max(few, FLOOR_MS)
  let many = Number.POSITIVE_INFINITY
  for (let attempt = 0; attempt < ATTEMPTS && many > limitMs; attempt++) {
    await milliseconds(10, claimOne)
    many = Math.min(many, p50(await milliseconds(SAMPLES, claimOne)))
  }
  const times = many / Math.max(few, FLOOR_MS)
  context.report(`claim p50 ${few.toFixed(3)} ms with ${FEW} waiting, ${many.toFixed(3)} ms with ${waiting}`)
  if (waiting < MANY && times <= LIMIT) {
    context.inconclusive(
      `only ${waiting} of ${MANY} could be put in within ${FILL_MS} ms; with those it is ${times.toFixed(1)} ×`,
    )
  }
  check.ok(
    times <= LIMIT,
    `the median claim with ${waiting} waiting takes at most ${LIMIT} × that with ${FEW}`,
    `${many.toFixed(2)} ms against ${few.toFixed(2)} ms`,
  )
}

export const growthCases: readonly Case[] = [
  ...suite('perf', ['broker'], {
    'claim-growth': {
      rule: 'A claim takes about as long with 100,000 ids waiting as with 100: its median at most 5 ×.',
      why: 'A backlog is when speed counts; a claim that gets slower with it never catches up.',
      mistake: 'the claim sorts or scans everything that waits: an index is missing, or not used',
      timeoutMs: 180_000,
      alone: true,
      async run(context) {
        const { broker } = context
        context.quiet()
        await gate(
          context,
          async (from, to) => {
            const items = Array.from({ length: to - from }, (_, n) => ({
              id: `job-${from + n}`,
              priority: (from + n) % 3,
            }))
            for (let at = 0; at < items.length; at += 500) {
              const some = items.slice(at, at + 500)
              if (broker.publishMany) await broker.publishMany('mail', some)
              else await Promise.all(some.map(({ id, priority }) => broker.publish('mail', id, 0, priority)))
            }
          },
          async () => {
            const [id] = await broker.claim('mail', 'c', 1, LONG)
            if (id !== undefined) await broker.ack('mail', id)
          },
        )
      },
    },
  }),
  ...suite('perf', ['jobStore'], {
    'job-claim-growth': {
      rule: 'A job store’s claim takes about as long with 100,000 jobs waiting as with 100: its median at most 5 ×.',
      why: 'A backlog is when speed counts; a claim that gets slower with it never catches up.',
      mistake: 'the claim, or the settle, sorts or scans everything that waits',
      timeoutMs: 180_000,
      alone: true,
      async run(context) {
        const crew = new Crew(context)
        context.quiet()
        await crew.join('w')
        await gate(
          context,
          async (from, to) => {
            for (let at = from; at < to; at += 500) {
              await crew.store.insert(
                Array.from({ length: Math.min(500, to - at) }, (_, n) =>
                  crew.job(`job-${at + n}`, { priority: (at + n) % 3 }),
                ),
              )
            }
          },
          async () => {
            const [job] = await crew.claim('w')
            if (job !== undefined) await crew.answerTo(job, { kind: 'complete' })
          },
        )
      },
    },
  }),
]
