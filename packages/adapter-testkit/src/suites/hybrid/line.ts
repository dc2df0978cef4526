/** The line between one process and one server, which a case cuts at the step it is about. */
import { UnavailableError } from '@sched/core/adapter'
import { CONTRACT_METHODS } from '../../contract-methods.ts'

/** What a call is for, whichever of the methods an adapter has for it. */
const STEPS = {
  write: ['compareAndSet', 'compareAndSetMany', 'patchMany', 'save', 'saveMany'],
  read: ['get', 'getMany'],
  look: ['page', 'list'],
  publish: ['publish', 'publishMany'],
  claim: ['claim', 'claimLeases'],
  ack: ['ack', 'ackMany'],
  nack: ['nack', 'nackMany'],
  extend: ['extendLock', 'extendMany'],
  has: ['has'],
  'next-due': ['nextDueIn'],
  prune: ['prune'],
} as const
export type Step = keyof typeof STEPS
export const STORAGE_STEPS: readonly Step[] = ['write', 'read', 'look', 'prune']
export const BROKER_STEPS: readonly Step[] = ['publish', 'claim', 'ack', 'nack', 'extend', 'has', 'next-due']

export interface Cut {
  readonly step: Step
  /** `before`: the request is lost. `after`: it is applied, and its answer lost. */
  readonly when: 'before' | 'after'
  /** The whole process dies at it, instead of the one call failing. */
  readonly kill?: boolean
  /** Only calls about this namespace (`jobs`, `workers`, …) or queue. */
  readonly on?: string
  /** Only writes that make a job so: a process also marks jobs of its own accord. */
  readonly state?: string
  /** How many calls fail; default 1. */
  readonly times?: number
}

/** A process: what its lines have in common is that they end together. */
export interface Life {
  dead: boolean
}

export class Line {
  readonly #life: Life
  readonly #note: (text: string) => void
  readonly #cuts: (Cut & { left: number })[] = []
  readonly #calls: { readonly method: string; readonly about: string }[] = []
  #meanwhile: { readonly step: Step; readonly what: () => Promise<unknown> } | undefined
  /** Every call fails while this is set. */
  down = false
  /** What a request, and its answer, wait for on their way. */
  travel: (() => Promise<void>) | undefined

  constructor(life: Life, note: (text: string) => void) {
    this.#life = life
    this.#note = note
  }

  cut(cut: Cut): void {
    this.#cuts.push({ ...cut, left: cut.times ?? 1 })
  }

  /** Forgets the cuts that did not come about. */
  mend(): void {
    this.#cuts.length = 0
  }

  /** Runs `what` while the next call of that step is on its way to the server. */
  during(step: Step, what: () => Promise<unknown>): void {
    this.#meanwhile = { step, what }
  }

  /** How many calls reached the server so far: of one step, or of all; without those about one namespace. */
  count({ step, not }: { readonly step?: Step; readonly not?: string } = {}): number {
    const methods: readonly string[] | undefined = step && STEPS[step]
    return this.#calls.filter(
      ({ method, about }) =>
        (methods?.includes(method) ?? true) && (not === undefined || !about.endsWith(`:${not}`)),
    ).length
  }

  /** The adapter at the other end. */
  to<T extends object>(adapter: T): T {
    return new Proxy(adapter, {
      get: (inner, key) => {
        const value: unknown = Reflect.get(inner, key, inner)
        if (typeof value !== 'function' || typeof key !== 'string') return value
        if (!CONTRACT_METHODS.has(key)) return value.bind(inner)
        return (...args: unknown[]) => this.#call(key, args, () => value.apply(inner, args))
      },
    })
  }

  async #call(method: string, args: readonly unknown[], apply: () => unknown): Promise<unknown> {
    await this.travel?.()
    this.#check(method)
    if (this.#meanwhile && STEPS[this.#meanwhile.step].some((name) => name === method)) {
      const { what } = this.#meanwhile
      this.#meanwhile = undefined
      await what()
    }
    const cut = this.#strike(method, args)
    if (cut?.when === 'before') this.#fail(cut, `${method} is lost on its way`)
    this.#calls.push({ method, about: String(args[0]) })
    const answer = await apply()
    await this.travel?.()
    if (cut) this.#fail(cut, `the answer to ${method} is lost`)
    this.#check(method)
    return answer
  }

  #check(method: string): void {
    if (this.#life.dead) throw new UnavailableError(`${method}: the process is dead (an injected fault)`)
    if (this.down) throw new UnavailableError(`${method}: the line is down (an injected fault)`)
  }

  #fail({ kill = false, when }: Cut, what: string): never {
    if (kill) this.#life.dead = true
    this.#note(kill ? `${what}, and the process is killed` : what)
    throw new UnavailableError(`${what} (an injected fault)`, when === 'after' ? { ambiguous: true } : {})
  }

  #strike(method: string, args: readonly unknown[]): Cut | undefined {
    const cut = this.#cuts.find(
      ({ left, step, on, state }) =>
        left > 0 &&
        STEPS[step].some((name) => name === method) &&
        (on === undefined || String(args[0]).endsWith(`:${on}`)) &&
        (state === undefined || statesIn(args).includes(state)),
    )
    if (cut) cut.left--
    return cut
  }
}

/** The states of the records that a write stores, one or many. */
function statesIn(args: readonly unknown[]): unknown[] {
  const many: unknown = args.find(Array.isArray)
  const values = Array.isArray(many) ? many.map((item: Written) => item.value ?? item.set) : [args.at(-1)]
  return values.map((value) => (value as { state?: unknown } | null | undefined)?.state)
}

/** An item of `compareAndSetMany` or `saveMany`, or one of `patchMany`. */
interface Written {
  readonly value?: unknown
  readonly set?: unknown
}
