import { InvalidArgumentError } from '../errors/sched-error.ts'
import { show } from './show.ts'

const UNIT_MS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
}

const WHOLE = /^(?:\d+(?:\.\d+)?(?:ms|[smhdw])\s*)+$/
const PART = /(\d+(?:\.\d+)?)(ms|[smhdw])/g

/**
 * A length of time in whole milliseconds, from a number of milliseconds or a text such as `250ms`, `10s`, `5m`, `2h`, `1d`, `1w`, `1.5h`
 * or `1h30m`. Fractions of a millisecond are rounded. `what` names the option in the error.
 * Throws INVALID_ARGUMENT for anything else, also for negative and unsafe numbers, and a unit given twice.
 */
export function parseDuration(value: string | number, what: string): number {
  const ms =
    typeof value === 'number' ? value : typeof value === 'string' ? sumOfParts(value.trim()) : Number.NaN
  if (!(ms >= 0 && ms <= Number.MAX_SAFE_INTEGER)) {
    const bare = typeof value === 'string' && /^\s*\d+(\.\d+)?\s*$/.test(value)
    throw new InvalidArgumentError(
      `${what}: ${show(value)} is no length of time${bare ? ' without a unit' : ''}: use milliseconds (a number, 0 or more) or a text such as "250ms", "10s", "5m", "2h", "1d", "1h30m"`,
    )
  }
  return Math.round(ms)
}

function sumOfParts(text: string): number {
  if (!WHOLE.test(text)) return Number.NaN
  const seen = new Set<string>()
  let sum = 0
  for (const [, amount, unit] of text.matchAll(PART)) {
    if (seen.has(unit!)) return Number.NaN
    seen.add(unit!)
    sum += Number(amount) * UNIT_MS[unit!]!
  }
  return sum
}
