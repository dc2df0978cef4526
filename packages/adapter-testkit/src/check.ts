/** The kit's assertions. Each says what it looked at; a failure carries what was expected and what was seen. */
import { type ErrorCode, equalValues } from '@sched/core/adapter'
import { show } from './show.ts'

/** A broken rule. `about` are the texts (ids, names) the history is narrowed to. */
export class ConformanceError extends Error {
  override readonly name = 'ConformanceError'
  readonly what: string
  readonly wanted: string
  readonly expected: string
  readonly seen: string
  readonly about: readonly unknown[]

  constructor(what: string, expected: string, seen: string, about: readonly unknown[] = []) {
    super(`${what}: expected ${expected}, saw ${seen}`)
    this.what = what
    this.wanted = expected
    this.expected = `${what}: ${expected}`
    this.seen = seen
    this.about = about
  }
}

export class Check {
  /** Deep equality of values: key order does not matter, dates compare by instant, -0 is 0. */
  equal(actual: unknown, expected: unknown, what: string): void {
    if (!same(actual, expected))
      throw new ConformanceError(what, show(expected), show(actual), [actual, expected])
  }

  notEqual(actual: unknown, unexpected: unknown, what: string): void {
    if (same(actual, unexpected))
      throw new ConformanceError(what, `anything but ${show(unexpected)}`, show(actual), [actual])
  }

  ok(condition: unknown, what: string, seen: unknown = condition): void {
    if (!condition) throw new ConformanceError(what, 'to hold', show(seen), [seen])
  }

  /** The same members, in any order, each as often. */
  sameMembers(actual: readonly string[], expected: readonly string[], what: string): void {
    const sorted = (items: readonly string[]): string[] => [...items].sort()
    if (same(sorted(actual), sorted(expected))) return
    const missing = subtract(expected, actual)
    const extra = subtract(actual, expected)
    const parts = [
      missing.length > 0 && `without ${show(missing)}`,
      extra.length > 0 && `with ${show(extra)} too much`,
    ]
    throw new ConformanceError(
      what,
      show(sorted(expected)),
      `${show(sorted(actual))} (${parts.filter(Boolean).join(', ')})`,
      [...missing, ...extra],
    )
  }

  distinct(items: readonly string[], what: string): void {
    const twice = items.filter((item, at) => items.indexOf(item) !== at)
    if (twice.length > 0) throw new ConformanceError(what, 'distinct ids', `${show(twice[0])} twice`, twice)
  }

  /** `min` ≤ `actual` ≤ `max`. */
  between(actual: number, min: number, max: number, what: string): void {
    if (!(typeof actual === 'number' && actual >= min && actual <= max))
      throw new ConformanceError(what, `a number from ${min} to ${max}`, show(actual))
  }

  /** Rejects (or throws) with a SchedError of that code, and gives the error. */
  async rejects(
    call: Promise<unknown> | (() => Promise<unknown>),
    code: ErrorCode | readonly ErrorCode[],
    what: string,
  ): Promise<Error & { code: string; ambiguous?: boolean }> {
    const codes: readonly string[] = typeof code === 'string' ? [code] : code
    const wanted = `a rejection with code ${codes.join(' or ')}`
    let answer: unknown
    try {
      answer = await (typeof call === 'function' ? call() : call)
    } catch (error) {
      const seen = error as Error & { code: string; ambiguous?: boolean }
      if (codes.includes(seen?.code)) return seen
      throw new ConformanceError(
        what,
        wanted,
        `${seen?.name ?? 'a rejection'}${seen?.code ? ` with code ${seen.code}` : ' without a SchedError code'}: ${seen?.message ?? show(error)}`,
      )
    }
    throw new ConformanceError(what, wanted, `it resolved to ${show(answer)}`)
  }

  /** Resolves, whatever to. */
  async resolves<T>(call: Promise<T> | (() => Promise<T>), what: string): Promise<T> {
    try {
      return await (typeof call === 'function' ? call() : call)
    } catch (error) {
      throw new ConformanceError(
        what,
        'no error',
        `${(error as Error)?.name}: ${(error as Error)?.message ?? show(error)}`,
      )
    }
  }

  fail(what: string, expected: string, seen: string, about: readonly unknown[] = []): never {
    throw new ConformanceError(what, expected, seen, about)
  }
}

/** Like core's value equality, and for what no adapter should give back (undefined, NaN) as well. */
function same(a: unknown, b: unknown): boolean {
  if (Number.isNaN(a) && Number.isNaN(b)) return true
  return equalValues(a, b)
}

function subtract(from: readonly string[], what: readonly string[]): string[] {
  const left = [...what]
  return from.filter((item) => {
    const at = left.indexOf(item)
    if (at >= 0) left.splice(at, 1)
    return at < 0
  })
}
