import { InvalidArgumentError } from '../errors/sched-error.ts'
import { didYouMean } from './closest.ts'
import { show } from './show.ts'

/**
 * Refuses what is not an object, and keys outside `known`: a misspelt option would otherwise be a default nobody notices. Keys that are
 * undefined count as left out. `what` names the call. Throws INVALID_ARGUMENT.
 */
export function checkOptions(options: unknown, known: ReadonlySet<string>, what: string): void {
  if (typeof options !== 'object' || options === null || Array.isArray(options))
    throw new InvalidArgumentError(
      `${what}: options must be an object with any of ${[...known].join(', ')}, not ${show(options)}`,
    )
  for (const key of Object.keys(options)) {
    if (known.has(key) || (options as Record<string, unknown>)[key] === undefined) continue
    throw new InvalidArgumentError(
      `${what}: there is no option ${JSON.stringify(key)}${didYouMean(key, known) || `; there are ${[...known].join(', ')}`}`,
    )
  }
}

/** Throws INVALID_ARGUMENT for what is neither a boolean nor left out: `'no'` would count as true. */
export function checkFlag(value: unknown, what: string): void {
  if (value === undefined || typeof value === 'boolean') return
  throw new InvalidArgumentError(`${what} must be true or false, not ${show(value)}`)
}
