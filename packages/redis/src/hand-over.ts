/**
 * Hears of jobs that the server hands to claims which stay open: lua/jobs/waiting.lua tells when. While nobody listens the server hands
 * nothing over. What got lost on the way is held by the worker without its knowledge, and goes back at a heartbeat; so what arrives too
 * late, when that may have happened already, is left to it.
 */
import { type ClaimedJob, OPERATION_DEADLINE_MS } from '@sched/core/adapter'
import { type ChannelOptions, HandOverChannel } from './hand-over-channel.ts'
import { readClaim } from './job-read.ts'
import { tokenOf } from './job-token.ts'

/** A claim that may stay open, as the settle script takes it. */
export interface OpenClaim {
  readonly number: string
  readonly channel: string
}

interface Waiting extends OpenClaim {
  readonly worker: string
  readonly handOver: (job: ClaimedJob) => void
  /** When it was sent (`performance.now()`), and the server's microseconds when it was noted. */
  readonly sentAt: number
  openSince: number | undefined
  /** The number of the one before: its job may be on the way still. */
  readonly before: string | undefined
  /** Nothing more comes of it. */
  isOver: boolean
}

/** What was claimed longer ago may have been given back. */
const TOO_LATE_MS = OPERATION_DEADLINE_MS / 2

export class HandOvers {
  readonly #channel: HandOverChannel
  /** By number; and the latest of each worker. */
  readonly #waiting = new Map<string, Waiting>()
  readonly #latest = new Map<string, Waiting>()
  #numbers = 0

  constructor(options: ChannelOptions) {
    this.#channel = new HandOverChannel(options, (text) => this.#heard(text))
  }

  /** The number of this worker's claim that may still be open; empty: none. */
  openOf(worker: string): string {
    const latest = this.#latest.get(worker)
    return latest === undefined || latest.isOver ? '' : latest.number
  }

  /** Of a claim about to be sent, which may stay open; undefined while nothing would be heard. */
  begin(worker: string, handOver: (job: ClaimedJob) => void): OpenClaim | undefined {
    if (!this.#channel.listen()) return undefined
    const before = this.#latest.get(worker)
    if (before?.before !== undefined) this.#waiting.delete(before.before)
    const claim: Waiting = {
      number: String(++this.#numbers),
      channel: this.#channel.name,
      worker,
      handOver,
      sentAt: performance.now(),
      openSince: undefined,
      before: before?.number,
      isOver: false,
    }
    this.#latest.set(worker, claim)
    this.#waiting.set(claim.number, claim)
    return claim
  }

  /** The claim was answered. `openSince`: the server's microseconds, empty when it does not stay open. */
  answered({ number }: OpenClaim, openSince: string): void {
    const claim = this.#waiting.get(number)
    if (claim === undefined) return
    if (openSince !== '') claim.openSince = Number(openSince)
    else this.#end(claim)
  }

  /** This worker claims no more. */
  forget(worker: string): void {
    const latest = this.#latest.get(worker)
    if (latest === undefined) return
    this.#latest.delete(worker)
    this.#waiting.delete(latest.number)
    if (latest.before !== undefined) this.#waiting.delete(latest.before)
  }

  close(): void {
    this.#channel.close()
    this.#waiting.clear()
    this.#latest.clear()
  }

  #end(claim: Waiting): void {
    claim.isOver = true
    this.#waiting.delete(claim.number)
  }

  /** `number fence due id NUL body`: the fence has 16 digits, the due instant 11. */
  #heard(text: string): void {
    const space = text.indexOf(' ')
    const claim = this.#waiting.get(text.slice(0, space))
    if (claim === undefined) return
    this.#end(claim)
    const fence = text.slice(space + 1, space + 17)
    const passedMs = claim.openSince === undefined ? 0 : (Number(fence) - claim.openSince) / 1_000
    if (performance.now() - claim.sentAt - passedMs > TOO_LATE_MS) return
    const zero = text.indexOf('\0', space)
    const entry = text.slice(space + 17, zero)
    claim.handOver(readClaim(entry, text.slice(zero + 1), '', Number(fence), tokenOf(fence, claim.worker)))
  }
}
