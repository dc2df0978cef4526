/** Which workers surely live, by what this process knows: their leases as it renewed them, on its own monotonic clock. */
export class WorkerLeases {
  readonly #until = new Map<string, number>()
  readonly #types = new Map<string, Set<number>>()

  /** `sentAt`: before the heartbeat was sent, so that the server's lease ends no earlier. */
  renewed(worker: string, sentAt: number, leaseMs: number): void {
    this.#until.set(worker, sentAt + leaseMs)
  }

  over(worker: string): void {
    this.#until.delete(worker)
    this.#types.delete(worker)
  }

  /** Nobody can have declared it dead, and its document names the types. */
  isSure(worker: string, types: readonly number[]): boolean {
    const until = this.#until.get(worker)
    const noted = this.#types.get(worker)
    return until !== undefined && performance.now() < until && types.every((type) => noted?.has(type))
  }

  /** The worker's document names them from now on. */
  noted(worker: string, types: readonly number[]): void {
    const noted = this.#types.get(worker) ?? new Set()
    for (const type of types) noted.add(type)
    this.#types.set(worker, noted)
  }
}
