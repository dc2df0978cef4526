import { type Case, type Context, LONG, suite } from '../../case.ts'
import { Crew } from '../job-store/crew.ts'
import { milliseconds, rate } from './clocked.ts'

const CALLS = 200

/** Reports the rate of one kind of call. */
async function clock(context: Context, what: string, call: (n: number) => Promise<unknown>): Promise<void> {
  context.report(`${what}: ${rate(await milliseconds(CALLS, call))}`)
}

const REPORT = { level: 'may', alone: true, timeoutMs: 120_000 } as const
const WHY = 'A number to compare with the next version, on the same machine.'
const MISTAKE = 'the adapter or its server cannot be used at all: this case only measures'

export const rateCases: readonly Case[] = [
  ...suite('perf', ['storage'], {
    storage: {
      ...REPORT,
      rule: 'Reports how fast save, get and compareAndSet are, one after the other. No rule is checked.',
      why: WHY,
      mistake: MISTAKE,
      async run(context) {
        const { storage } = context
        context.quiet()
        const value = { rev: 1, state: 'pending', payload: 'x'.repeat(100) }
        await clock(context, 'save', (n) => storage.save('jobs', `job-${n}`, value))
        await clock(context, 'get', (n) => storage.get('jobs', `job-${n}`))
        if (!storage.compareAndSet) return
        await clock(
          context,
          'compareAndSet',
          (n) => storage.compareAndSet?.('jobs', `job-${n}`, 1, { ...value, rev: 2 }) ?? Promise.resolve(),
        )
      },
    },
  }),
  ...suite('perf', ['broker'], {
    broker: {
      ...REPORT,
      rule: 'Reports how fast publish, claim and ack are, one after the other. No rule is checked.',
      why: WHY,
      mistake: MISTAKE,
      async run(context) {
        const { broker } = context
        context.quiet()
        const claimed: string[] = []
        await clock(context, 'publish', (n) => broker.publish('mail', `job-${n}`))
        await clock(context, 'claim of 1', async () =>
          claimed.push(...(await broker.claim('mail', 'c', 1, LONG))),
        )
        await clock(context, 'ack', (n) => broker.ack('mail', claimed[n] ?? 'none'))
      },
    },
  }),
  ...suite('perf', ['lock'], {
    lock: {
      ...REPORT,
      rule: 'Reports how fast acquire, renew and release are, one after the other. No rule is checked.',
      why: WHY,
      mistake: MISTAKE,
      async run(context) {
        const { lock } = context
        context.quiet()
        await clock(context, 'acquire', (n) => lock.acquire(`key-${n}`, 'o', LONG))
        await clock(context, 'renew', (n) => lock.renew(`key-${n}`, 'o', LONG))
        await clock(context, 'release', (n) => lock.release(`key-${n}`, 'o'))
      },
    },
  }),
  ...suite('perf', ['jobStore'], {
    'job-store': {
      ...REPORT,
      rule: 'Reports how fast jobs are inserted, and settled and claimed in one call, one at a time and in batches of 100. No rule is checked.',
      why: WHY,
      mistake: MISTAKE,
      async run(context) {
        const crew = new Crew(context)
        context.quiet()
        await crew.join('w')
        const want = (limit: number) => ({ worker: 'w', limit, types: [{ type: 'mail' }] })
        await clock(context, 'insert of 1', (n) => crew.store.insert([crew.job(`one-${n}`)]))
        let held = await crew.claim('w')
        await clock(context, 'settle and claim of 1', async () => {
          const outcomes = held.map(({ id, token }) => ({ id, token, kind: 'complete' as const }))
          held = (await crew.store.settle(outcomes, want(1))).jobs
        })
        const batches = 20
        const inserts = await milliseconds(batches, (b) =>
          crew.store.insert(Array.from({ length: 100 }, (_, n) => crew.job(`many-${b}-${n}`))),
        )
        context.report(`insert of 100: ${rate(inserts)}`)
        held = []
        const settles = await milliseconds(batches, async () => {
          const outcomes = held.map(({ id, token }) => ({ id, token, kind: 'complete' as const }))
          held = (await crew.store.settle(outcomes, want(100))).jobs
        })
        context.report(`settle and claim of 100: ${rate(settles)}`)
      },
    },
  }),
]
