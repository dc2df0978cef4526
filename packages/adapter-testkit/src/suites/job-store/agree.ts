import { type Case, LONG, suite } from '../../case.ts'
import { type JobOp, SideBySide } from '../model/side-by-side.ts'
import { Crew } from './crew.ts'

/** Every operation and outcome at least once, and the turns that composed and fused stores come by on different ways. */
const SCRIPT: readonly JobOp[] = [
  { op: 'insert', id: 'a', priority: 0, far: false, maxRetries: 1 },
  { op: 'insert', id: 'a', priority: 9, far: false, maxRetries: 2 },
  { op: 'insert', id: 'b', priority: 20, far: false, maxRetries: 0 },
  { op: 'insert', id: 'c', priority: -20, far: true, maxRetries: 2 },
  { op: 'claim' },
  { op: 'settle', nth: 0, kind: 'release', far: false },
  { op: 'claim' },
  { op: 'again', nth: 0, kind: 'complete', far: false },
  { op: 'change', id: 'a', kind: 'cancel', far: false },
  { op: 'settle', nth: 0, kind: 'retry', far: false },
  { op: 'settle', nth: 0, kind: 'retry', far: false },
  { op: 'change', id: 'c', kind: 'promote', far: false },
  { op: 'change', id: 'a', kind: 'retry', far: false },
  { op: 'change', id: 'b', kind: 'retry', far: false },
  { op: 'pause', paused: true },
  { op: 'claim' },
  { op: 'insert', id: 'd', priority: 1, far: false, maxRetries: 0 },
  { op: 'pause', paused: false },
  { op: 'crash' },
  { op: 'again', nth: 3, kind: 'complete', far: false },
  { op: 'claim' },
  { op: 'settle', nth: 1, kind: 'snooze', far: true },
  { op: 'settle', nth: 0, kind: 'fail', far: false },
  { op: 'change', id: 'd', kind: 'discard', far: false },
  { op: 'change', id: 'c', kind: 'reschedule', far: false },
  { op: 'settle', nth: 0, kind: 'complete', far: false },
  { op: 'again', nth: 2, kind: 'fail', far: false },
  { op: 'crash' },
  { op: 'crash' },
  { op: 'change', id: 'a', kind: 'discard', far: false },
  { op: 'insert', id: 'a', priority: 0, far: false, maxRetries: 0 },
  { op: 'change', id: 'b', kind: 'retry', far: false },
  { op: 'claim' },
  { op: 'settle', nth: 0, kind: 'cancel', far: false },
]

export const agreeCases: readonly Case[] = [
  ...suite('job-store', ['jobStore'], {
    'composed-equals-fused': {
      rule: 'The same calls get the same answers from a composed store and from a fused one: both answer like the reference model.',
      why: 'Which one a user gets depends on the adapters alone; nothing of what a job goes through may.',
      mistake: 'one of the two takes another way through a rule; the message names the step',
      async run(context) {
        const both = await SideBySide.begin(context, 0)
        for (const op of SCRIPT) await both.step(op)
      },
    },
  }),
  ...suite('job-store', ['jobStore', 'hook.corruptJob'], {
    'undecodable-kept': {
      rule: 'A job whose record cannot be decoded fails with reason `undecodable`, its bytes kept as text; the others go on.',
      why: 'One broken record must neither stop a queue nor vanish: somebody has to look at it.',
      mistake: 'decoding throws inside the claim, so that the type never moves on, or the record is deleted',
      async run(context) {
        const { check, target, namespace, variant } = context
        const crew = new Crew(context)
        await crew.insert(crew.job('broken', { priority: 5 }), 'sound')
        await target.hooks?.corruptJob?.(namespace, 'broken', variant === 'composed' ? 'composed' : 'fused')
        await crew.join('w')
        await crew.claimOne('w', 'sound', { limit: 10 })
        const record = await crew.until(
          'broken',
          { state: 'failed', reason: 'undecodable' },
          'after a claim came upon it',
        )
        check.ok(
          typeof record.raw === 'string' && record.raw !== '',
          'its bytes are kept as text',
          record.raw,
        )
        await crew.nothingFor('w', 'when only the broken one is left')
        check.equal(
          (await crew.store.list({ state: 'failed' })).jobs.map((job) => job.id),
          ['broken'],
          'the failed jobs listed',
        )
        check.equal(
          (await crew.store.get(['broken', 'sound'])).map((job) => job?.state),
          ['failed', 'running'],
          'the states',
        )
        check.equal(
          await crew.store.insert([crew.job('broken', { delayMs: LONG })]),
          ['exists'],
          'inserting its id again',
        )
        check.equal(await crew.store.change(['broken'], { kind: 'discard' }), ['ok'], 'the answer to discard')
        check.equal((await crew.store.get(['broken']))[0], null, 'its record after discard')
      },
    },
  }),
]
