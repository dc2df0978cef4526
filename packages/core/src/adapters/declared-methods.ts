import { AdapterInvalidError } from '../errors/sched-error.ts'

/** The entries of `methods` whose name is a method of `inner` too: a wrapper declares exactly what it found. */
export function declaredBy<T extends object>(inner: T, methods: Partial<T>): Partial<T> {
  const found = Object.entries(methods).filter(([name]) => hasMethod(inner, name))
  return Object.fromEntries(found) as Partial<T>
}

/** True when `name` is a function of `target`, its own or inherited. */
export function hasMethod(target: object, name: string): boolean {
  return typeof (target as Record<string, unknown>)[name] === 'function'
}

/**
 * Throws ADAPTER_INVALID that names every method of `required` which `impl` lacks. `what` is the kind of adapter: `storage`, `broker`
 * or `lock`.
 */
export function checkMethods(
  impl: unknown,
  what: string,
  required: readonly string[],
): asserts impl is object {
  if (typeof impl !== 'object' || impl === null) {
    throw new AdapterInvalidError(
      `the ${what} adapter must be an object with the methods ${required.join(', ')}, not ${impl === null ? 'null' : typeof impl}`,
      required,
    )
  }
  const missing = required.filter((name) => !hasMethod(impl, name))
  if (missing.length === 0) return
  throw new AdapterInvalidError(
    `the ${what} adapter lacks ${missing.join(', ')}: add ${missing.length === 1 ? 'this method' : 'these methods'}, or pass what an adapter package made`,
    missing,
  )
}
