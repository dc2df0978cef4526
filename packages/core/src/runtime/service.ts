/** A background service: started once, stopped once, each idempotent and shared by concurrent callers; may be started again. */
export abstract class Service {
  #state: 'stopped' | 'starting' | 'running' | 'stopping' = 'stopped'
  #change: Promise<void> = Promise.resolve()

  get isRunning(): boolean {
    return this.#state === 'running'
  }

  /** Resolves when it works. When starting fails it is stopped again, and may be tried anew. */
  start(): Promise<void> {
    if (this.#state === 'starting' || this.#state === 'running') return this.#change
    const before = this.#change
    this.#state = 'starting'
    this.#change = before
      .then(() => this.onStart())
      .then(
        () => {
          if (this.#state === 'starting') this.#state = 'running'
        },
        (error: unknown) => {
          if (this.#state === 'starting') this.#state = 'stopped'
          throw error
        },
      )
    return this.#change
  }

  /** Resolves when nothing of it is left: no timer, no call under way. */
  stop(): Promise<void> {
    if (this.#state === 'stopping' || this.#state === 'stopped') return this.#change
    const before = this.#change
    this.#state = 'stopping'
    // a failed start has nothing to stop; its caller was told
    this.#change = before
      .then(
        () => this.onStop(),
        () => undefined,
      )
      .finally(() => {
        if (this.#state === 'stopping') this.#state = 'stopped'
      })
    return this.#change
  }

  protected abstract onStart(): Promise<void> | void
  protected abstract onStop(): Promise<void> | void
}
