import type { ClaimRequest } from '../../contracts/job-store.ts'
import type { Leased } from './queues.ts'

/**
 * The latest claim of each worker, which stays open where it left room: a broker that can do that leases one id to it as it is published,
 * and hands it over. That counts against the claim's limit.
 */
export class OpenClaims {
  readonly #latest: Map<string, OpenClaim> = new Map()
  readonly #underWay: Map<string, Set<Promise<void>>> = new Map()

  /** A claim begins; the one before it is over. */
  begin(want: ClaimRequest): OpenClaim {
    const claim = new OpenClaim(want)
    this.#latest.set(want.worker, claim)
    return claim
  }

  /** The worker's latest claim. */
  of(worker: string): OpenClaim | undefined {
    return this.#latest.get(worker)
  }

  /** Runs a claim of what was handed over. Rejects as it does. */
  async run(worker: string, claim: () => Promise<void>): Promise<void> {
    const all = this.#underWay.get(worker) ?? new Set()
    this.#underWay.set(worker, all)
    const running = claim()
    all.add(running)
    try {
      await running
    } finally {
      all.delete(running)
      if (all.size === 0) this.#underWay.delete(worker)
    }
  }

  /** The worker claims no more. Resolves when nothing that was handed to it is being claimed. */
  async end(worker: string): Promise<void> {
    this.#latest.delete(worker)
    await Promise.allSettled(this.#underWay.get(worker) ?? [])
  }
}

export class OpenClaim {
  readonly want: ClaimRequest
  /** What came before the broker's answer. */
  readonly #early: Leased[] = []
  #isAnswered = false
  #hasRoom = false

  constructor(want: ClaimRequest) {
    this.want = want
  }

  /** Something was handed over: to be claimed now, by the call that is under way, or not at all. */
  takes(leased: Leased): 'now' | 'later' | 'not' {
    if (!this.#isAnswered) {
      this.#early.push(leased)
      return 'later'
    }
    if (!this.#hasRoom) return 'not'
    this.#hasRoom = false
    return 'now'
  }

  /** The broker answered; there is room for so many more. Resolves to what was handed over meanwhile. */
  answered(room: number): Leased[] {
    this.#isAnswered = true
    this.#hasRoom = this.want.handOver !== undefined && room > this.#early.length
    return this.#early.splice(0)
  }
}
