import { copyValue, InvalidArgumentError, type JobError, type Outcome } from '@sched/core/adapter'
import { checkDuration } from '../arguments.ts'
import type { JobScope } from './job-scope.ts'
import { COMPLETED, RUNNING } from './job-states.ts'
import { workerOfToken } from './workers.ts'

/** Outcomes whose arguments are in order: nothing was changed yet, and nothing can go wrong any more. */
export interface CheckedOutcomes {
  readonly outcomes: readonly Outcome[]
  /** Each outcome's job; −1: it is gone. */
  readonly slots: readonly number[]
  /** Copies of the results of those that completed with one. */
  readonly results: ReadonlyMap<Outcome, unknown>
}

const NO_RESULTS: ReadonlyMap<Outcome, unknown> = new Map()

/** Throws INVALID_ARGUMENT for an id named twice or an outcome that is none, VALUE_* for a result that cannot be stored. */
export function checkOutcomes(scope: JobScope, outcomes: readonly Outcome[]): CheckedOutcomes {
  const mark = scope.nextMark()
  const { marks } = scope.table
  const slots: number[] = []
  let gone: Set<string> | undefined
  let results: Map<Outcome, unknown> | undefined
  for (let i = 0; i < outcomes.length; i++) {
    const outcome = outcomes[i]!
    const slot = scope.ids.slotOf(outcome.id)
    slots.push(slot)
    if (slot >= 0) {
      if (marks[slot] === mark) throw namedTwice(outcome)
      marks[slot] = mark
    } else {
      gone ??= new Set()
      if (gone.has(outcome.id)) throw namedTwice(outcome)
      gone.add(outcome.id)
    }
    switch (outcome.kind) {
      case 'complete':
        if (outcome.durationMs !== undefined) checkDuration(outcome.durationMs, `outcomes[${i}].durationMs`)
        if (outcome.result != null) {
          results ??= new Map()
          results.set(outcome, copyValue(outcome.result, { root: `outcomes[${i}].result` }))
        }
        break
      case 'retry':
      case 'snooze':
        checkDuration(outcome.delayMs, `outcomes[${i}].delayMs`)
        break
      case 'fail':
      case 'cancel':
      case 'release':
        break
      default:
        throw new InvalidArgumentError(
          `outcomes[${i}].kind must be complete, retry, fail, cancel, release or snooze, not ${String((outcome as Outcome).kind)}`,
        )
    }
  }
  return { outcomes, slots, results: results ?? NO_RESULTS }
}

export function settleJobs(scope: JobScope, checked: CheckedOutcomes, now: number): ('ok' | 'stale')[] {
  const { outcomes, slots, results } = checked
  const { table } = scope
  const answers: ('ok' | 'stale')[] = []
  for (let i = 0; i < outcomes.length; i++) {
    const outcome = outcomes[i]!
    const slot = slots[i]!
    const running = slot >= 0 && table.states[slot] === RUNNING
    if (running && table.claims[slot]!.token === outcome.token) {
      apply(scope, slot, outcome, results.get(outcome), now)
      answers.push('ok')
    } else {
      answers.push(running ? 'stale' : answerOfGone(scope, outcome))
    }
  }
  return answers
}

/** Nobody runs the job: a worker that lives has settled it before, a dead one was too late. */
function answerOfGone(scope: JobScope, outcome: Outcome): 'ok' | 'stale' {
  const worker = scope.workers.get(workerOfToken(outcome.token))
  return worker !== undefined && worker.deadSince === undefined ? 'ok' : 'stale'
}

function apply(scope: JobScope, slot: number, outcome: Outcome, result: unknown, now: number): void {
  const { table } = scope
  switch (outcome.kind) {
    case 'complete':
      if (result !== undefined) table.extrasOf(slot).result = result
      if (outcome.durationMs !== undefined) table.lanes[slot]!.durationMs += outcome.durationMs
      scope.finish(slot, COMPLETED, now)
      return
    case 'retry': {
      const extras = table.extrasOf(slot)
      extras.failures++
      extras.error = storedError(outcome.error)
      if (extras.failures > table.terms[slot]!.maxRetries) scope.fail(slot, 'error', null, now)
      else scope.requeue(slot, now, now + outcome.delayMs, { giveBack: false, keepPlace: false })
      return
    }
    case 'fail':
      table.extrasOf(slot).failures++
      scope.fail(slot, outcome.reason, storedError(outcome.error), now)
      return
    case 'cancel':
      scope.cancel(slot, outcome.reason ?? null, now)
      return
    case 'release':
      scope.requeue(slot, now, table.runAt[slot]!, { giveBack: true, keepPlace: true })
      return
    case 'snooze':
      scope.requeue(slot, now, now + outcome.delayMs, { giveBack: true, keepPlace: false })
  }
}

/** An error's text comes from anywhere: a lone surrogate in it must not cost the job its settle. */
function storedError(error: JobError): JobError {
  return {
    name: error.name.toWellFormed(),
    message: error.message.toWellFormed(),
    ...(error.code === undefined ? {} : { code: error.code.toWellFormed() }),
    ...(error.stack === undefined ? {} : { stack: error.stack.toWellFormed() }),
  }
}

function namedTwice(outcome: Outcome): InvalidArgumentError {
  return new InvalidArgumentError(`outcomes must name each job once, and ${outcome.id} is named twice`)
}
