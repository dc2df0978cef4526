/** Parts of pipelines and conditions that several commands use. */
import type { Document } from 'mongodb'

/** A caller's text or number as it is, whatever it begins with: in a pipeline `$` starts an expression. */
export function literal(value: unknown): Document {
  return { $literal: value }
}

/** Now plus so many milliseconds (fractions allowed, never early), by the server's clock. */
export function after(ms: number): Document {
  return { $add: ['$$NOW', Math.ceil(ms)] }
}

/** The instant in `field` has not come yet. */
export function isAhead(field: string): Document {
  return { $gt: [`$${field}`, '$$NOW'] }
}
