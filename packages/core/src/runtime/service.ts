/** A background service: started once, stopped once, each idempotent and shared by concurrent callers; may be started again. */
export abstract class Service {
  #state: 'stopped' | 'starting' | 'running' | 'stopping' = 'stopped'
  #change: Promise<void> = Promise.resolve()
  #abandoned = false

  get isRunning(): boolean {
    return this.#state === 'running'
  }

  /** It works, or is about to end. */
  get isActive(): boolean {
    return this.#state === 'running' || this.#state === 'stopping'
  }

  /** Resolves when it works. When starting fails it is stopped again, and may be tried anew. */
  start(): Promise<void> {
    if (this.#state === 'starting' || this.#state === 'running') return this.#change
    this.#state = 'starting'
    this.#change = this.#start(this.#change)
    return this.#change
  }

  /** Resolves when nothing of it is left: no timer, no call under way. A start under way ends first. */
  stop(): Promise<void> {
    if (this.#state === 'stopped') return Promise.resolve()
    if (this.#state === 'stopping') return this.#change
    this.#state = 'stopping'
    this.#change = this.#stop(this.#change)
    return this.#change
  }

  /** Nobody waits for its stop any more: what that uses may be closed, so nothing is begun from now on, and no failure told. */
  abandon(): void {
    this.#abandoned = true
  }

  protected get isAbandoned(): boolean {
    return this.#abandoned
  }

  async #start(before: Promise<void>): Promise<void> {
    await settled(before)
    try {
      await this.onStart()
      if (this.#state === 'starting') this.#state = 'running'
    } catch (error) {
      if (this.#state === 'starting') this.#state = 'stopped'
      throw error
    }
  }

  async #stop(before: Promise<void>): Promise<void> {
    try {
      // what a failed start had opened is closed as well
      await settled(before)
      await this.onStop()
    } finally {
      if (this.#state === 'stopping') this.#state = 'stopped'
    }
  }

  protected abstract onStart(): Promise<void> | void
  protected abstract onStop(): Promise<void> | void
}

/** Whoever started or stopped it heard of a failure. */
function settled(change: Promise<void>): Promise<void> {
  return change.then(
    () => undefined,
    () => undefined,
  )
}
