import fc from 'fast-check'
import { type Case, suite } from '../../case.ts'
import { play } from './play.ts'
import { type JobOp, SideBySide } from './side-by-side.ts'

const id = fc.constantFrom('a', 'b', 'c', 'd')
const nth = fc.nat({ max: 3 })
const far = fc.boolean()
const kind = fc.constantFrom(
  'complete' as const,
  'retry' as const,
  'fail' as const,
  'cancel' as const,
  'release' as const,
  'snooze' as const,
)

const operation: fc.Arbitrary<JobOp> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      op: fc.constant('insert' as const),
      id,
      priority: fc.constantFrom(-20, 0, 1, 20),
      far,
      maxRetries: fc.nat({ max: 2 }),
    }),
  },
  { weight: 5, arbitrary: fc.constant({ op: 'claim' as const }) },
  { weight: 6, arbitrary: fc.record({ op: fc.constant('settle' as const), nth, kind, far }) },
  { weight: 2, arbitrary: fc.record({ op: fc.constant('again' as const), nth, kind, far }) },
  {
    weight: 4,
    arbitrary: fc.record({
      op: fc.constant('change' as const),
      id,
      kind: fc.constantFrom(
        'cancel' as const,
        'retry' as const,
        'promote' as const,
        'reschedule' as const,
        'discard' as const,
      ),
      far,
    }),
  },
  { weight: 1, arbitrary: fc.record({ op: fc.constant('pause' as const), paused: fc.boolean() }) },
  { weight: 1, arbitrary: fc.constant({ op: 'crash' as const }) },
)

export const jobStoreModelCases: readonly Case[] = suite('model', ['jobStore'], {
  hybrid: {
    rule: 'Whatever is inserted, claimed, settled, changed and crashed in whatever order, a job store, composed or fused, answers like the reference model.',
    why: 'The mistakes nobody thought of a case for are found by sequences nobody thought of.',
    mistake: 'two rules meet that each hold alone; the steps in the message show which',
    timeoutMs: 120_000,
    async run(context) {
      await play(context, operation, async (run) => {
        const both = await SideBySide.begin(context, run)
        return (op) => both.step(op)
      })
    },
  },
})
