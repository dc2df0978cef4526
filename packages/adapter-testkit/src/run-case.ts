/** Runs one case over one variant and says what came of it. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Case, Variant } from './case.ts'
import { ConformanceError } from './check.ts'
import { CaseContext } from './context.ts'
import type { Failure, Result, Status } from './result.ts'
import { show } from './show.ts'
import { Inconclusive, NotApplicable } from './signals.ts'
import type { Target } from './target.ts'

const CASE_TIMEOUT_MS = 30_000
/** Core's default deadline of 10 s, and some time to tell. */
const CALL_DEADLINE_MS = 12_500
/** So many calls within a case's time and it is a loop without end, not a slow adapter. */
const MANY_CALLS = 5_000

export interface RunCaseOptions {
  readonly seed: number
  /** Leaves the calls unrecorded: quicker, and a failure has no history. */
  readonly quiet?: boolean
  readonly replay: (id: string, seed: number) => string
  /** Told what was wrong while the case was cleaned up: nodes that do not close, namespaces that stay. */
  readonly onLeftover?: (text: string) => void
}

interface End {
  readonly status: Status
  readonly reason?: string
  readonly failure?: Failure
}

export async function runCase(
  target: Target,
  one: Case,
  variant: Variant,
  options: RunCaseOptions,
): Promise<Result> {
  const start = performance.now()
  const context = new CaseContext(target, one, variant, options.seed)
  if (options.quiet) context.quiet()
  const end = waived(await attempt(one, context), target.waive?.[one.id])
  for (const text of await context.end()) options.onLeftover?.(`${one.id} [${variant}]: ${text}`)
  return {
    id: one.id,
    area: one.area,
    level: one.level,
    variant,
    rule: one.rule,
    why: one.why,
    mistake: one.mistake,
    seed: options.seed,
    durationMs: performance.now() - start,
    notes: context.reports,
    replay: options.replay(one.id, options.seed),
    ...end,
  }
}

async function attempt(one: Case, context: CaseContext): Promise<End> {
  const timeoutMs = (one.timeoutMs ?? CASE_TIMEOUT_MS) + 40 * context.timing.shortestTtlMs
  const timer = new AbortController()
  const tooLong = sleep(timeoutMs, 'late' as const, { signal: timer.signal })
  // the timer's own abort, once the case has ended
  tooLong.catch(() => 'late')
  const running = steps(one, context)
  // a case that is given up goes on until its nodes are closed under it
  running.catch(() => undefined)
  try {
    if ((await Promise.race([running, tooLong])) === 'late') return late(context, timeoutMs)
    return { status: 'pass' }
  } catch (error) {
    if (error instanceof NotApplicable) return { status: 'n/a', reason: error.message }
    if (error instanceof Inconclusive) return { status: 'inconclusive', reason: error.message }
    return { status: 'fail', failure: failureOf(error, context) }
  } finally {
    timer.abort()
  }
}

async function steps(one: Case, context: CaseContext): Promise<'done'> {
  await context.open()
  for (const need of one.needs) {
    const reason = context.lacks(need)
    if (reason !== undefined) throw new NotApplicable(reason)
  }
  await one.run(context)
  return 'done'
}

function late(context: CaseContext, timeoutMs: number): End {
  const hung = context.history.pending(CALL_DEADLINE_MS)
  const { answered } = context.history
  if (hung.length === 0 && answered < MANY_CALLS)
    return {
      status: 'inconclusive',
      reason: `too slow to tell: ${answered} calls were answered in ${timeoutMs} ms, and the case needs more`,
    }
  const seen =
    hung.length > 0 ? `${hung.length} call(s) that did not settle` : `no end after ${answered} calls`
  return {
    status: 'fail',
    failure: {
      message: `the case did not end within ${timeoutMs} ms: ${seen}`,
      expected: 'every call to settle within its deadline (10 s), and the case to come to an end',
      seen,
      history: hung.length > 0 ? hung : context.history.lines(),
    },
  }
}

function failureOf(error: unknown, context: CaseContext): Failure {
  if (error instanceof ConformanceError)
    return {
      message: error.message,
      expected: error.expected,
      seen: error.seen,
      history: context.history.lines(error.about),
    }
  const stack = error instanceof Error ? error.stack : undefined
  return {
    message: `an unexpected ${show(error)}`,
    expected: 'no error here',
    seen: show(error),
    history: context.history.lines(),
    ...(stack === undefined ? {} : { stack }),
  }
}

function waived(end: End, reason: string | undefined): End {
  if (reason === undefined) return end
  if (end.status === 'fail') return { ...end, status: 'waived', reason }
  if (end.status === 'pass')
    return { status: 'xpass', reason: `it passes, though it is waived (${reason}): take the waiver out` }
  return end
}

/** A waiver holds for a case in all its variants: it is out of date only when every one passes. */
export function settleWaiver(result: Result, variants: readonly Result[]): Result {
  if (result.status !== 'xpass' || !variants.some((other) => other.status === 'waived')) return result
  const { reason: _, ...rest } = result
  return { ...rest, status: 'pass' }
}
