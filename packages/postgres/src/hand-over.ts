/**
 * Claims of this process that stay open, and the jobs that are handed to them: hand_over in sql/migrations/002-jobs.sql tells when. A job
 * that got lost on its way is held by the worker without its knowledge, and goes back at a heartbeat; so one that arrives too late, when
 * that may have happened already, is left to it.
 */
import {
  type ClaimedJob,
  type ClaimRequest,
  OPERATION_DEADLINE_MS,
  ValueUnserializableError,
} from '@sched/core/adapter'
import { type Lease, leaseOf, readClaim, type SentJob } from './job-codec.ts'
import { type KeptOpen, type OpenParameters, plainArray } from './job-settle.ts'
import type { Wakes } from './wakes.ts'

/** A claim that may bring a job by itself, or may have done so. */
interface Open {
  readonly worker: string
  readonly number: number
  readonly handOver: (job: ClaimedJob) => void
  /** `performance.now()`. */
  readonly sentAt: number
  /** Once it was answered: it stayed open. */
  kept: KeptOpen | undefined
  /** When the next claim was sent, which ends it. */
  endedAt: number | undefined
}

/** A claim on its way. */
export interface Claiming {
  readonly parameters: OpenParameters
  readonly open: Open | undefined
  readonly ended: readonly Open[]
}

/** What was claimed longer ago may have been given back. */
const TOO_LATE_MS = OPERATION_DEADLINE_MS / 2

export class HandOvers {
  readonly #wakes: Wakes
  /** Of each worker those of which something may come yet. */
  readonly #opens = new Map<string, Set<Open>>()

  constructor(wakes: Wakes) {
    this.#wakes = wakes
  }

  /** Of a claim about to be sent, which ends those before. */
  begin({ worker, handOver }: ClaimRequest): Claiming {
    const now = performance.now()
    const ended = [...(this.#opens.get(worker) ?? [])]
    for (const open of ended) {
      open.endedAt ??= now
      if (now - open.endedAt > TOO_LATE_MS) this.#end(open)
    }
    const fences = ended.flatMap(({ kept }) => kept?.fence ?? [])
    const hub = handOver && this.#wakes.hub
    const open = handOver && hub !== undefined ? this.#begin(worker, handOver, now) : undefined
    const parameters = [
      fences.length === 0 ? null : plainArray(fences),
      hub ?? null,
      open?.number ?? null,
    ] as const
    return { parameters, open, ended }
  }

  /** `handed`: the fences of those it ended that were handed a job, which may be on its way still. */
  answered({ open, ended }: Claiming, kept: KeptOpen | undefined, handed: readonly string[]): void {
    for (const before of ended)
      if (before.kept !== undefined && !handed.includes(before.kept.fence)) this.#end(before)
    if (open === undefined) return
    if (kept === undefined) this.#end(open)
    else open.kept = kept
  }

  /** This worker claims no more. */
  forget(worker: string): void {
    for (const open of this.#opens.get(worker) ?? []) this.#end(open)
  }

  close(): void {
    for (const worker of [...this.#opens.keys()]) this.forget(worker)
  }

  #begin(worker: string, handOver: (job: ClaimedJob) => void, now: number): Open {
    const number = this.#wakes.await((text) => this.#heard(open, text))
    const open: Open = { worker, number, handOver, sentAt: now, kept: undefined, endedAt: undefined }
    const opens = this.#opens.get(worker) ?? new Set()
    this.#opens.set(worker, opens.add(open))
    return open
  }

  #end(open: Open): void {
    this.#wakes.unawait(open.number)
    const opens = this.#opens.get(open.worker)
    if (opens?.delete(open) === true && opens.size === 0) this.#opens.delete(open.worker)
  }

  /** `fence claimed key`, and on a line of its own each head, extra and payload. */
  #heard(open: Open, text: string): void {
    this.#end(open)
    const [start = '', head = '', extra = '', payload = ''] = text.split('\n')
    const [fence = '', claimed = '', key = ''] = start.split(' ')
    const openMs = open.kept === undefined ? 0 : (Number(claimed) - open.kept.since) / 1_000
    if (performance.now() - open.sentAt - openMs > TOO_LATE_MS) return
    const sent = { key, due: claimed, expires: null, payload, extra, past: '' }
    const job = readable(sent, leaseOf(fence, open.worker, head))
    if (job !== undefined) open.handOver(job)
  }
}

/** What cannot be read is left to a heartbeat too: the claim after that ends it. */
function readable(sent: SentJob, lease: Lease): ClaimedJob | undefined {
  try {
    return readClaim(sent, lease).job
  } catch (error) {
    if (error instanceof ValueUnserializableError) return undefined
    throw error
  }
}
