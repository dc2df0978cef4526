import type { JobError } from '../../contracts/job-record.ts'
import type { Outcome } from '../../contracts/job-store.ts'
import type { PatchItem } from '../../contracts/storage-engine.ts'
import { SchedError, UnavailableError } from '../../errors/sched-error.ts'
import { workerOfToken } from './claim-token.ts'
import { settlePatch } from './job-patch.ts'
import type { JobRow } from './job-row.ts'
import { readJobs, type StoredJob } from './job-table.ts'
import type { ComposedParts } from './parts.ts'
import type { Leased, Return } from './queues.ts'
import { type Finish, finishOf } from './tallies.ts'
import { backToPending, finished, overToken } from './transitions.ts'

type Answer = 'ok' | 'stale'

/** How often a refused outcome reads again: each refusal means that somebody else wrote in between. */
const MAX_READS = 8

/**
 * Stores what became of attempts, then tells the broker. A refused or unanswered write reads again: its own token and running → once
 * more on the new rev; its own token and settled → it was applied; else the result is dropped, and the broker's entry left alone.
 */
export async function settleJobs(parts: ComposedParts, outcomes: readonly Outcome[]): Promise<Answer[]> {
  if (outcomes.length === 0) return []
  const settling = new Settling(parts)
  try {
    await settling.run(outcomes)
  } finally {
    await settling.tellBroker()
  }
  return settling.answers(outcomes)
}

interface Plan {
  readonly outcome: Outcome
  /** As it is stored, running under the outcome's token. */
  readonly before: JobRow
  readonly row: StoredJob
}

interface Written {
  readonly outcome: Outcome
  /** Of the broker's lease. */
  readonly receipt: string | undefined
  readonly row: StoredJob
  /** Not counted before. */
  readonly counts: boolean
}

class Settling {
  readonly #parts: ComposedParts
  readonly #answers: Map<Outcome, Answer> = new Map()
  /** Of jobs that nobody runs: only the life of the token's worker can tell what they are. */
  readonly #ownerless: Outcome[] = []
  readonly #written: Written[] = []

  constructor(parts: ComposedParts) {
    this.#parts = parts
  }

  async run(outcomes: readonly Outcome[]): Promise<void> {
    const { book, jobs } = this.#parts
    // one instant for all: what ends alike is stored alike
    const now = this.#parts.now()
    const booked: Plan[] = []
    const unbooked: Outcome[] = []
    for (const outcome of outcomes) {
      // without compare-and-set a row from memory could undo what others wrote
      const claim = jobs.fenced ? book.get(outcome.id, outcome.token) : undefined
      if (claim) booked.push(planOf(outcome, claim.row, now))
      else unbooked.push(outcome)
    }
    let open = [...unbooked, ...(await this.#write(booked, true))]
    for (let reads = 0; reads < MAX_READS && open.length > 0; reads++) open = await this.#readAndWrite(open)
    if (open.length > 0) throw contended(open.length)
    await this.#judgeOwnerless()
  }

  /** Never rejects: what the broker is not told, its leases' ends tell it. */
  async tellBroker(): Promise<void> {
    const { queues, slots, tallies, logger } = this.#parts
    const acks: Leased[] = []
    const returns: Return[] = []
    const finishes: Finish[] = []
    for (const { outcome, receipt, row, counts } of this.#written) {
      const leased: Leased = { id: row.id, type: row.type, receipt }
      if (row.state === 'pending') returns.push({ ...leased, delayMs: delayOf(outcome) })
      else acks.push(leased)
      if (counts)
        finishes.push(...finishOf(row, outcome.kind === 'complete' ? outcome.durationMs : undefined))
    }
    tallies.add(finishes)
    const calls = [
      queues.ack(acks),
      this.#giveBack(returns),
      slots.free([...this.#answers.keys()].map(({ id }) => id)),
    ]
    for (const call of await Promise.allSettled(calls)) {
      if (call.status === 'rejected')
        logger.warn('the broker was not told of settled jobs; their leases end', { error: call.reason })
    }
  }

  answers(outcomes: readonly Outcome[]): Answer[] {
    return outcomes.map((outcome) => this.#answers.get(outcome) ?? 'stale')
  }

  /** An entry whose lease is gone may be gone itself: publishing is harmless where it is not. */
  async #giveBack(returns: readonly Return[]): Promise<void> {
    const kept = await this.#parts.queues.nack(returns)
    const lost = new Set(returns.filter((_, index) => !kept[index]).map(({ id }) => id))
    const rows = this.#written.map(({ row }) => row)
    await this.#parts.dispatcher.publish(
      rows.filter((row): row is JobRow => lost.has(row.id) && row.state === 'pending'),
    )
  }

  /** Resolves to those that must be read again. */
  async #write(plans: readonly Plan[], first: boolean): Promise<Outcome[]> {
    const { counts, now } = this.#parts
    const planned = plans.map(({ row }) => row)
    const rows = first ? counts.keep(planned, now()) : planned
    let stored: boolean[] = []
    try {
      stored = await this.#store(plans, rows)
    } catch (error) {
      // it may have been applied: reading again tells
      if (!(error instanceof SchedError && error.code === 'UNAVAILABLE')) throw error
    }
    for (const [index, { outcome, before }] of plans.entries()) {
      if (stored[index]) this.#accept({ outcome, receipt: before.receipt, row: rows[index]!, counts: true })
    }
    return plans.filter((_, index) => !stored[index]).map(({ outcome }) => outcome)
  }

  /** `rows`: those of the plans first, then others that are to be replaced. Where the storage patches, what is kept is not written whole. */
  async #store(plans: readonly Plan[], rows: readonly StoredJob[]): Promise<boolean[]> {
    const { jobs } = this.#parts
    const patches: PatchItem[] = []
    const whole: StoredJob[] = []
    const isPatched = rows.map((row, index) => {
      const plan = plans[index]
      const patched = jobs.patches && plan !== undefined && row.state !== 'gone'
      if (patched) patches.push(settlePatch(plan.before, row))
      else whole.push(row)
      return patched
    })
    const [patched, replaced] = await Promise.all([jobs.patch(patches), jobs.replace(whole)])
    const [patch, replace] = [patched.values(), replaced.values()]
    return isPatched.map((one) => (one ? patch : replace).next().value === true)
  }

  async #readAndWrite(outcomes: readonly Outcome[]): Promise<Outcome[]> {
    const found = await readJobs(
      this.#parts.jobs,
      outcomes.map(({ id }) => id),
    )
    const now = this.#parts.now()
    const plans: Plan[] = []
    for (const [index, outcome] of outcomes.entries()) {
      const job = found[index] ?? null
      if (job === null || job.state === 'undecodable' || job.state === 'gone') this.#ownerless.push(outcome)
      else if (this.#isForgotten(outcome, job)) this.#answer(outcome, 'stale')
      else if (job.token === outcome.token) {
        if (job.state === 'running') plans.push(planOf(outcome, job, now))
        else this.#acceptApplied(outcome, job)
      } else if (job.state === 'running' || job.token === overToken(outcome.token))
        this.#answer(outcome, 'stale')
      else this.#ownerless.push(outcome)
    }
    return this.#write(plans, false)
  }

  /** The server forgot the claim in a crash: the record is older. */
  #isForgotten({ id, token }: Outcome, job: JobRow): boolean {
    const claim = this.#parts.book.get(id, token)
    return claim !== undefined && job.rev < claim.row.rev
  }

  /** It was settled before: by a write whose answer was lost, if the claim is still in the book, else by a call before this one. */
  #acceptApplied(outcome: Outcome, row: JobRow): void {
    const claim = this.#parts.book.get(outcome.id, outcome.token)
    if (claim) this.#accept({ outcome, receipt: claim.leased.receipt, row, counts: true })
    else this.#answer(outcome, 'ok')
  }

  #accept(written: Written): void {
    this.#written.push(written)
    this.#answer(written.outcome, 'ok')
  }

  #answer(outcome: Outcome, answer: Answer): void {
    this.#answers.set(outcome, answer)
    this.#parts.book.remove(outcome.id, outcome.token)
  }

  /** A worker that lives settled it before; a dead one was too late. */
  async #judgeOwnerless(): Promise<void> {
    if (this.#ownerless.length === 0) return
    const living = await this.#parts.workers.living(this.#ownerless.map(({ token }) => workerOfToken(token)))
    for (const outcome of this.#ownerless)
      this.#answer(outcome, living.has(workerOfToken(outcome.token)) ? 'ok' : 'stale')
  }
}

function planOf(outcome: Outcome, before: JobRow, now: number): Plan {
  return { outcome, before, row: settled(before, outcome, now) }
}

/** After it a job is not pending. */
export function isEnd({ kind }: Outcome): boolean {
  return kind === 'complete' || kind === 'fail' || kind === 'cancel'
}

/** What an outcome makes of a running job. */
function settled(row: JobRow, outcome: Outcome, now: number): StoredJob {
  switch (outcome.kind) {
    case 'complete':
      return finished(row, 'completed', now, { result: outcome.result })
    case 'retry': {
      const failures = row.failures + 1
      const error = storedError(outcome.error)
      const failed = { ...row, failures, error }
      if (failures > row.maxRetries) return finished(failed, 'failed', now, { reason: 'error' })
      return backToPending(failed, now, { runAt: now + outcome.delayMs, waits: outcome.delayMs > 0 })
    }
    case 'fail':
      return finished({ ...row, failures: row.failures + 1 }, 'failed', now, {
        reason: outcome.reason,
        error: storedError(outcome.error),
      })
    case 'cancel':
      return finished(row, 'cancelled', now, { reason: outcome.reason })
    case 'release':
      return backToPending(row, now, { runAt: row.runAt, giveBack: true })
    case 'snooze':
      return backToPending(row, now, {
        runAt: now + outcome.delayMs,
        giveBack: true,
        waits: outcome.delayMs > 0,
      })
  }
}

function delayOf(outcome: Outcome): number {
  return outcome.kind === 'retry' || outcome.kind === 'snooze' ? outcome.delayMs : 0
}

/** An error's text comes from anywhere: a lone surrogate in it must not cost the job its settle. */
function storedError({ name, message, code, stack }: JobError): JobError {
  return {
    name: name.toWellFormed(),
    message: message.toWellFormed(),
    ...(code === undefined ? {} : { code: code.toWellFormed() }),
    ...(stack === undefined ? {} : { stack: stack.toWellFormed() }),
  }
}

function contended(outcomes: number): UnavailableError {
  return new UnavailableError(
    `${outcomes} outcomes were refused ${MAX_READS} times in a row, as somebody keeps changing their jobs: settle them again`,
  )
}
