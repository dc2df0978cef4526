/** How long a failed job waits before its next attempt. Pure: numbers in, milliseconds out; chance is handed in. */
import { InvalidArgumentError } from '../errors/sched-error.ts'
import { parseDuration } from '../values/duration.ts'
import { show } from '../values/show.ts'

export interface BackoffOptions {
  /** `exponential`: `delay`, doubling with every failure. `linear`: always `delay`. */
  readonly type: 'exponential' | 'linear'
  /** The first wait, in milliseconds or as a text such as `30s`; default 10 s. */
  readonly delay?: number | string
  /** No wait is longer; at least `delay`. Default 1 h, or `delay` if that is longer. */
  readonly maxDelay?: number | string
  /** The share of a wait that chance takes away, 0 … 1: with 0.5 a wait of 10 s becomes 5 … 10 s. Default 0. */
  readonly jitter?: number
}

/** `failures`: how often the job has failed, 1 for the first time. Returns milliseconds. Must be fast and must not throw. */
export type BackoffFunction = (failures: number, error: unknown) => number

/** The forms that can be stored with a job. */
export type StoredBackoffStrategy = 'exponential' | 'linear' | BackoffOptions
export type BackoffStrategy = StoredBackoffStrategy | BackoffFunction

/** A checked backoff: durations in milliseconds. */
export interface Backoff {
  readonly type: 'exponential' | 'linear'
  readonly delay: number
  readonly maxDelay: number
  readonly jitter: number
}

export const DEFAULT_BACKOFF: Backoff = { type: 'exponential', delay: 10_000, maxDelay: 3_600_000, jitter: 0 }

/** The checked form; a function stays itself. `what` names the option. Throws INVALID_ARGUMENT. */
export function readBackoff(strategy: BackoffStrategy, what: string): Backoff | BackoffFunction {
  return typeof strategy === 'function' ? strategy : readStoredBackoff(strategy, what)
}

/** Like {@link readBackoff}, for where a function cannot go: it cannot be stored. Throws INVALID_ARGUMENT. */
export function readStoredBackoff(strategy: StoredBackoffStrategy, what: string): Backoff {
  if (strategy === 'exponential') return DEFAULT_BACKOFF
  if (strategy === 'linear') return { ...DEFAULT_BACKOFF, type: 'linear' }
  if (typeof strategy !== 'object' || strategy === null) throw refused(what, strategy)
  for (const key of Object.keys(strategy))
    if (!KNOWN.includes(key))
      throw new InvalidArgumentError(`${what}: there is no option "${key}"; there are ${KNOWN.join(', ')}`)
  const { type, jitter = 0 } = strategy
  if (type !== 'exponential' && type !== 'linear') throw refused(`${what}.type`, type)
  const delay = parseDuration(strategy.delay ?? DEFAULT_BACKOFF.delay, `${what}.delay`)
  const maxDelay = parseDuration(
    strategy.maxDelay ?? Math.max(DEFAULT_BACKOFF.maxDelay, delay),
    `${what}.maxDelay`,
  )
  if (maxDelay < delay)
    throw new InvalidArgumentError(
      `${what}.maxDelay of ${maxDelay} ms is shorter than its delay of ${delay} ms`,
    )
  if (typeof jitter !== 'number' || !(jitter >= 0 && jitter <= 1))
    throw new InvalidArgumentError(`${what}.jitter must be a share between 0 and 1, not ${show(jitter)}`)
  return { type, delay, maxDelay, jitter }
}

/** Milliseconds to wait after failure number `failures` (1, 2, …). `random` gives a number in [0, 1). */
export function backoffDelay(
  backoff: Backoff | BackoffFunction,
  failures: number,
  error: unknown,
  random: () => number,
): number {
  if (typeof backoff === 'function') return functionDelay(backoff, failures, error)
  const { type, delay, maxDelay, jitter } = backoff
  const full = Math.min(maxDelay, type === 'linear' ? delay : delay * 2 ** (failures - 1))
  return Math.round(jitter === 0 ? full : full * (1 - jitter * random()))
}

/** A function that throws or answers nonsense must not lose a retry: it gets the default wait. */
function functionDelay(backoff: BackoffFunction, failures: number, error: unknown): number {
  const fallback = backoffDelay(DEFAULT_BACKOFF, failures, error, () => 0)
  try {
    const ms = backoff(failures, error)
    return Number.isFinite(ms) && ms >= 0 ? Math.round(Math.min(ms, Number.MAX_SAFE_INTEGER)) : fallback
  } catch {
    return fallback
  }
}

const KNOWN: readonly string[] = ['type', 'delay', 'maxDelay', 'jitter']

function refused(what: string, value: unknown): InvalidArgumentError {
  return new InvalidArgumentError(
    `${what} must be 'exponential', 'linear' or { type, delay, maxDelay, jitter }, not ${show(value)}`,
  )
}
