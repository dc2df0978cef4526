/**
 * Plays random sequences of operations on the adapter and on the reference model side by side. Each operation compares what both
 * answer; when they differ, fast-check looks for the shortest sequence that still shows it.
 */
import fc from 'fast-check'
import type { Context } from '../../case.ts'
import { ConformanceError } from '../../check.ts'
import { show } from '../../show.ts'

/** Where time costs nothing more is played. */
const RUNS = { fast: 15, slow: 6 }
const LENGTH = 30
/** How long a shorter sequence is looked for: a long one that is told says more than a case that does not end. */
const SHRINK_MS = 30_000

export type Step<Op> = (op: Op) => Promise<void>

/** `begin` prepares names of its own for each run, and gives what plays one operation on both sides. */
export async function play<Op>(
  context: Context,
  operation: fc.Arbitrary<Op>,
  begin: (run: number) => Promise<Step<Op>>,
): Promise<void> {
  let run = 0
  let shrinkUntil = Number.POSITIVE_INFINITY
  const property = fc.asyncProperty(
    fc.array(operation, { maxLength: LENGTH, size: 'max' }),
    async (operations) => {
      if (performance.now() > shrinkUntil) return
      try {
        const step = await begin(run++)
        for (const op of operations) await step(op)
      } catch (error) {
        shrinkUntil = Math.min(shrinkUntil, performance.now() + SHRINK_MS)
        throw error
      }
    },
  )
  const details = await fc.check(property, {
    seed: context.seed,
    numRuns: context.has('hook.advance') ? RUNS.fast : RUNS.slow,
  })
  if (!details.failed || details.counterexample === null) return
  const steps = details.counterexample[0].map((op) => show(op)).join(', then ')
  const error = details.errorInstance
  if (error instanceof ConformanceError) {
    throw new ConformanceError(
      error.what,
      error.wanted,
      `${error.seen}. The shortest sequence found that shows it: ${steps}`,
      error.about,
    )
  }
  throw error
}
