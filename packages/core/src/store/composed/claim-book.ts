import type { JobRow } from './job-row.ts'
import type { Leased } from './queues.ts'

/** A claim that was handed out through this store and not settled yet. */
export interface BookedClaim {
  /** The row as the claim left it. */
  readonly row: JobRow
  readonly leased: Leased
}

/**
 * The claims handed out through this store, so that a settle knows the row without reading it; and those whose answer is under way, so
 * that a heartbeat does not take them for lost. What is not here was claimed through another node: it is read.
 */
export class ClaimBook {
  readonly #claims: Map<string, BookedClaim> = new Map()
  readonly #underWay: Set<string> = new Set()
  readonly #watchers: Set<Set<string>> = new Set()

  get(id: string, token: string): BookedClaim | undefined {
    const claim = this.#claims.get(id)
    return claim?.row.token === token ? claim : undefined
  }

  add(claim: BookedClaim): void {
    this.#claims.set(claim.row.id, claim)
  }

  remove(id: string, token: string): void {
    if (this.get(id, token)) this.#claims.delete(id)
  }

  /**
   * Drops the worker's claims that ended elsewhere: those not among `running` (id → token, as stored), unless their token is in
   * `underWay`. Gives their ids.
   */
  dropEnded(
    worker: string,
    running: ReadonlyMap<string, string | undefined>,
    underWay: ReadonlySet<string>,
  ): string[] {
    const ended: string[] = []
    for (const [id, { row }] of this.#claims) {
      if (row.worker !== worker || running.get(id) === row.token || underWay.has(row.token ?? '')) continue
      this.#claims.delete(id)
      ended.push(id)
    }
    return ended
  }

  /** Whether the worker has claims that are not settled. */
  holds(worker: string): boolean {
    for (const { row } of this.#claims.values()) if (row.worker === worker) return true
    return false
  }

  /** Drops all claims of a worker that is no more. */
  drop(worker: string): void {
    for (const [id, { row }] of this.#claims) if (row.worker === worker) this.#claims.delete(id)
  }

  /** Runs a call that claims under this token: it is under way until the caller has what it gave, a turn after the call ended. */
  async handingOut<T>(token: string, call: () => Promise<T>): Promise<T> {
    this.#underWay.add(token)
    for (const watcher of this.#watchers) watcher.add(token)
    try {
      const answer = await call()
      setImmediate(() => this.#underWay.delete(token))
      return answer
    } catch (error) {
      this.#underWay.delete(token)
      throw error
    }
  }

  /** Runs `watch` with the tokens of every claim under way at any time during it; to be called before anything is waited for. */
  async watching<T>(watch: (tokens: ReadonlySet<string>) => Promise<T>): Promise<T> {
    const tokens = new Set(this.#underWay)
    this.#watchers.add(tokens)
    try {
      return await watch(tokens)
    } finally {
      this.#watchers.delete(tokens)
    }
  }
}
