import type { Area, Level, Variant } from './case.ts'

/**
 * `n/a`: the adapter does not have what the case needs; never a pass. `waived`: failed, as the target said it would. `xpass`: waived,
 * but passed: the run fails until the waiver goes. `inconclusive`: it could not be told.
 */
export type Status = 'pass' | 'fail' | 'n/a' | 'waived' | 'xpass' | 'inconclusive'

export interface Failure {
  /** One line: what was expected, what was seen. */
  readonly message: string
  readonly expected?: string
  readonly seen?: string
  /** Lines of the history that show it. */
  readonly history: readonly string[]
  readonly stack?: string
}

export interface Result {
  readonly id: string
  readonly area: Area
  readonly level: Level
  readonly variant: Variant
  readonly rule: string
  readonly why: string
  readonly mistake: string
  readonly status: Status
  readonly seed: number
  /** Real milliseconds it took. */
  readonly durationMs: number
  /** Why it is n/a, waived, xpass or inconclusive. */
  readonly reason?: string
  readonly failure?: Failure
  /** Measurements of a case that passed. */
  readonly notes: readonly string[]
  /** The command that runs this case again with this seed. */
  readonly replay: string
}
