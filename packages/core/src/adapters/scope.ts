import { InvalidArgumentError } from '../errors/sched-error.ts'
import { checkName } from '../values/codec.ts'

/** Whose data it is. Two schedulers with equal parts share their jobs; any other pair never sees the other's. */
export interface ScopeParts {
  /** Default `sched`; at most 64 bytes when escaped. */
  readonly product?: string
  /** At most 128 bytes when escaped. */
  readonly project: string
  /** At most 128 bytes when escaped. */
  readonly environment: string
}

const LIMITS: Readonly<Record<keyof ScopeParts, number>> = { product: 64, project: 128, environment: 128 }

/**
 * `product:project:environment`, each part with `%` and `:` percent-escaped, so that different parts never meet in one scope.
 * Throws INVALID_ARGUMENT for a part that is empty, ill-formed or too long.
 */
export function scopeOf({ product = 'sched', project, environment }: ScopeParts): string {
  return [
    scopePart(product, 'product'),
    scopePart(project, 'project'),
    scopePart(environment, 'environment'),
  ].join(':')
}

function scopePart(value: string, what: keyof ScopeParts): string {
  checkName(value, what)
  const escaped = value.replace(/[%:]/g, (char) => (char === '%' ? '%25' : '%3A'))
  const bytes = Buffer.byteLength(escaped)
  if (bytes > LIMITS[what]) {
    throw new InvalidArgumentError(
      `${what} must be at most ${LIMITS[what]} bytes (a ":" or "%" counts as three), not ${bytes}`,
    )
  }
  return escaped
}
