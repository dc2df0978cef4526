/** An adapter under a wall clock that is off, for servers elsewhere: the process's Date is moved while one of its calls is under way. */
const RealDate = globalThis.Date
let shift = 0
let depth = 0

class SkewedDate extends RealDate {
  constructor(...args: ConstructorParameters<typeof Date> | []) {
    if (args.length === 0) super(RealDate.now() + shift)
    else super(...(args as ConstructorParameters<typeof Date>))
  }
  static override now(): number {
    return RealDate.now() + shift
  }
  static override [Symbol.hasInstance](value: unknown): boolean {
    return value instanceof RealDate
  }
}

/** The same adapter; only for cases that run alone, and one node at a time. */
export function withSkewedDate<T extends object>(adapter: T, skewMs: number): T {
  return new Proxy(adapter, {
    get(inner, key) {
      const value: unknown = Reflect.get(inner, key, inner)
      if (typeof value !== 'function') return value
      return (...args: unknown[]): unknown => {
        enter(skewMs)
        let answer: unknown
        try {
          answer = value.apply(inner, args)
        } catch (error) {
          leave()
          throw error
        }
        if (answer instanceof Promise) return answer.finally(leave)
        leave()
        return answer
      }
    },
  })
}

function enter(skewMs: number): void {
  depth++
  shift = skewMs
  globalThis.Date = SkewedDate as unknown as DateConstructor
}

function leave(): void {
  if (--depth > 0) return
  shift = 0
  globalThis.Date = RealDate
}
