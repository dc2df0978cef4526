/** What this process claimed and has not settled: what a settle must know of a job, without asking the server for it. */
import type { KnownJob } from './job-changes.ts'

export interface HeldJob extends KnownJob {
  readonly fence: number
  readonly worker: string
}

/** Claims whose answers never reached anybody are found and given back at a heartbeat; their entries here make room for newer ones. */
const MOST = 100_000

export class JobBook {
  readonly #held = new Map<string, HeldJob>()

  add(id: string, job: HeldJob): void {
    // the newest claims are last
    this.#held.delete(id)
    this.#held.set(id, job)
    if (this.#held.size <= MOST) return
    const [oldest] = this.#held.keys()
    this.#held.delete(oldest as string)
  }

  /** Undefined: the server has to be asked. */
  find(id: string, { fence, worker }: JobToken): HeldJob | undefined {
    const held = this.#held.get(id)
    return held?.fence === fence && held.worker === worker ? held : undefined
  }

  remove(id: string): void {
    this.#held.delete(id)
  }
}

/** A token names the fence of its claim and the worker that holds it. */
export interface JobToken {
  readonly fence: number
  readonly worker: string
}

export function tokenText({ fence, worker }: JobToken): string {
  return `${fence}@${worker}`
}

/** One that is none proves nothing: its fence is 0. */
export function readToken(text: string): JobToken {
  const at = text.indexOf('@')
  const fence = at < 0 ? '' : text.slice(0, at)
  return { fence: /^\d{1,16}$/.test(fence) ? Number(fence) : 0, worker: at < 0 ? text : text.slice(at + 1) }
}
