import { AdapterInvalidError } from '../errors/sched-error.ts'
import { editDistance } from '../values/closest.ts'

/**
 * Throws ADAPTER_INVALID for a method of `impl`, own or inherited, whose name is almost one of `known` that it lacks: a slip of the pen
 * would otherwise cost what that method gives without a word. Names that are nothing like those are the author's own affair.
 */
export function refuseNearMisses(impl: object, what: string, known: readonly string[]): void {
  const names = methodNames(impl)
  const lacking = known.filter((name) => !names.has(name))
  for (const name of names) {
    if (known.includes(name) || name.startsWith('_')) continue
    const meant = lacking.find((candidate) => isNear(name, candidate))
    if (meant === undefined) continue
    throw new AdapterInvalidError(
      `${name} is no method of a ${what} adapter, and ${meant} is missing: write ${meant} if that is meant, else call ${name} something less like it, or _${name}`,
      [meant],
    )
  }
}

/** Getters are not looked into: they may do anything. */
function methodNames(impl: object): Set<string> {
  const names = new Set<string>()
  for (let at: object | null = impl; at !== null && at !== Object.prototype; at = Object.getPrototypeOf(at)) {
    for (const [name, { value }] of Object.entries(Object.getOwnPropertyDescriptors(at)))
      if (typeof value === 'function' && name !== 'constructor') names.add(name)
  }
  return names
}

/** Short words are near to many. */
const SHORT = 5

/** The same but for case, or, where it is long enough to be told from others, with one slip in every four characters. */
function isNear(name: string, known: string): boolean {
  const [a, b] = [name.toLowerCase(), known.toLowerCase()]
  return a === b || (b.length > SHORT && editDistance(a, b) <= Math.floor(b.length / 4))
}
