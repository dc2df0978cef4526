/**
 * Wrappers that make any adapter misbehave the way servers and networks do, from a seed: for tests of what stands above an adapter, and
 * of an adapter's own retries.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { UnavailableError } from '@sched/core/adapter'
import { CONTRACT_METHODS } from '../contract-methods.ts'
import { Random } from '../random.ts'

/**
 * `fail-before`: rejects UNAVAILABLE, nothing was done. `fail-after`: done, but rejects UNAVAILABLE with `ambiguous: true`. `delay`: done,
 * late. `hang`: done, never answers. `duplicate`: done twice, answers the second time's answer. `kill`: ends the process with
 * SIGKILL before the call; `kill-after`: after it was done, before its answer.
 */
export type Fault = 'fail-before' | 'fail-after' | 'delay' | 'hang' | 'duplicate' | 'kill' | 'kill-after'

export interface FaultRule {
  readonly fault: Fault
  /** The methods it hits; default every one of the contracts but ready, ping and close. */
  readonly methods?: readonly string[]
  /** The chance per call, 0 … 1; default 1. */
  readonly chance?: number
  /** Skips so many matching calls first; default 0. */
  readonly skip?: number
  /** Hits at most so often; default without end. */
  readonly times?: number
  /** For `delay`: at most this long, ms; default 50. */
  readonly delayMs?: number
}

export interface FaultOptions {
  readonly rules: readonly FaultRule[]
  readonly seed?: number
  /** Told of every fault that hit. */
  readonly onFault?: (fault: Fault, method: string) => void
  /** Ends the process; default `process.kill(process.pid, 'SIGKILL')`. */
  readonly kill?: () => void
}

const LIFE: readonly string[] = ['ready', 'ping', 'close']

/**
 * The adapter with faults. Methods stay what they are: optional ones that are missing stay missing. Of several rules that match a call
 * the first that draws its chance hits.
 */
export function withFaults<T extends object>(adapter: T, options: FaultOptions): T {
  const random = new Random(options.seed ?? 1)
  const rules = options.rules.map((rule) => ({ rule, seen: 0, hit: 0 }))
  const draw = (method: string): FaultRule | undefined => {
    for (const state of rules) {
      const { methods, skip = 0, times = Number.POSITIVE_INFINITY, chance = 1 } = state.rule
      if (methods ? !methods.includes(method) : LIFE.includes(method)) continue
      if (state.seen++ < skip || state.hit >= times || !random.bool(chance)) continue
      state.hit++
      options.onFault?.(state.rule.fault, method)
      return state.rule
    }
    return undefined
  }
  return new Proxy(adapter, {
    get(inner, key) {
      const value: unknown = Reflect.get(inner, key, inner)
      if (typeof value !== 'function') return value
      // what is no contract's is between the adapter and its kin
      if (typeof key !== 'string' || !CONTRACT_METHODS.has(key)) return value.bind(inner)
      return (...args: unknown[]): unknown => {
        const call = (): unknown => value.apply(inner, args)
        const rule = draw(key)
        return rule ? inflict(rule, key, call, random, options.kill ?? killProcess) : call()
      }
    },
  })
}

async function inflict(
  rule: FaultRule,
  method: string,
  call: () => unknown,
  random: Random,
  kill: () => void,
): Promise<unknown> {
  switch (rule.fault) {
    case 'fail-before':
      throw new UnavailableError(
        `${method}: the connection broke before the request was sent (an injected fault)`,
      )
    case 'fail-after':
      await call()
      throw new UnavailableError(`${method}: the answer was lost (an injected fault)`, { ambiguous: true })
    case 'delay':
      await sleep(random.int(0, rule.delayMs ?? 50))
      return call()
    case 'hang':
      await call()
      return new Promise(() => undefined)
    case 'duplicate':
      await call()
      return call()
    case 'kill':
      kill()
      return new Promise(() => undefined)
    case 'kill-after':
      await call()
      kill()
      return new Promise(() => undefined)
  }
}

function killProcess(): void {
  process.kill(process.pid, 'SIGKILL')
}
