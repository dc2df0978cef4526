import { UnavailableError } from '@sched/core/adapter'

/** What is called `write` in a fault. */
const WRITES: readonly string[] = ['compareAndSet', 'compareAndSetMany', 'patchMany']

export interface Fault {
  /** The method that fails: `getMany`, `ackMany`, …; or `write`: whichever changes records. */
  readonly method: string
  /** `before`: the request is lost. `after`: it is applied, and its answer lost. */
  readonly when: 'before' | 'after'
  /** Only calls about this namespace or queue; the scope is added. */
  readonly on?: string
  /** How many calls fail; default 1. */
  readonly times?: number
}

/** Cuts the line to an adapter at chosen calls. */
export class Line {
  readonly #faults: (Fault & { left: number })[] = []
  readonly #hooks: { readonly method: string; readonly what: () => unknown; readonly when: string }[] = []
  readonly #scope: string
  /** Every call is lost while this is set. */
  down = false
  /** What a request, and its answer, wait for on their way. */
  travel: () => Promise<void> | undefined = () => undefined
  /** Calls that reached the adapter, by method. */
  readonly calls: Map<string, number> = new Map()

  constructor(scope: string) {
    this.#scope = scope
  }

  /** Runs `what` while the next call of `method`, or `write`, is under way: before it is applied, or after, its answer being held up. */
  during(method: string, what: () => unknown, when: 'before' | 'after' = 'before'): void {
    this.#hooks.push({ method, what, when })
  }

  cut(fault: Fault): void {
    this.#faults.push({ ...fault, left: fault.times ?? 1 })
  }

  /** The adapter at the other end of this line. */
  to<T extends object>(adapter: T): T {
    return new Proxy(adapter, {
      get: (target, key) => {
        const value: unknown = Reflect.get(target, key, target)
        if (typeof value !== 'function' || typeof key !== 'string') return value
        return async (...args: unknown[]) => {
          await this.travel()
          await this.#meanwhile(key, 'before')
          const fault = this.#strike(key, args[0])
          if (this.down || fault?.when === 'before') throw new UnavailableError(`${key} was lost`)
          this.calls.set(key, (this.calls.get(key) ?? 0) + 1)
          const answer: unknown = await value.apply(target, args)
          await this.#meanwhile(key, 'after')
          await this.travel()
          if (fault) throw new UnavailableError(`the answer to ${key} was lost`, { ambiguous: true })
          return answer
        }
      },
    })
  }

  async #meanwhile(method: string, when: string): Promise<void> {
    const index = this.#hooks.findIndex((hook) => hook.when === when && isCalled(method, hook.method))
    if (index >= 0) await this.#hooks.splice(index, 1)[0]?.what()
  }

  #strike(method: string, name: unknown): Fault | undefined {
    const fault = this.#faults.find(
      (one) =>
        one.left > 0 && isCalled(method, one.method) && (!one.on || name === `${this.#scope}:${one.on}`),
    )
    if (fault) fault.left--
    return fault
  }
}

function isCalled(method: string, name: string): boolean {
  return method === name || (name === 'write' && WRITES.includes(method))
}
