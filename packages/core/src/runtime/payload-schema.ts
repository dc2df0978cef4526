import type { z } from 'zod'
import { InvalidArgumentError, type PayloadIssue, PayloadValidationError } from '../errors/sched-error.ts'

/** The one way payloads are checked: at enqueue for the verdict, at execution for the schema's output. */
export interface PayloadSchema {
  /** The output, or a promise of it when the schema has asynchronous parts. Throws, or rejects with, PAYLOAD_INVALID. */
  parse(payload: unknown): unknown
  /** The same for a stored payload: one that was left out is stored as null, and is `undefined` again for a schema that takes no null. */
  parseStored(payload: unknown): unknown
}

/** Undefined without a schema. Throws INVALID_ARGUMENT for what is not a zod 4 schema. */
export function payloadSchema(type: string, schema: z.ZodType | undefined): PayloadSchema | undefined {
  if (schema === undefined) return undefined
  if (typeof schema !== 'object' || typeof schema?.safeParse !== 'function' || !('_zod' in schema))
    throw new InvalidArgumentError(
      `the definition of "${type}": schema must be a zod 4 schema, such as z.object({ … })`,
    )
  return new ZodPayloadSchema(type, schema)
}

class ZodPayloadSchema implements PayloadSchema {
  readonly #type: string
  readonly #schema: z.ZodType
  /** Found out at the first parse that needs it. */
  #async = false

  constructor(type: string, schema: z.ZodType) {
    this.#type = type
    this.#schema = schema
  }

  parse(payload: unknown): unknown {
    if (this.#async) return this.#parseAsync(payload)
    let result: z.ZodSafeParseResult<unknown>
    try {
      result = this.#schema.safeParse(payload)
    } catch (error) {
      if ((error as Error | null)?.constructor?.name !== '$ZodAsyncError') throw this.#threw(error)
      this.#async = true
      return this.#parseAsync(payload)
    }
    if (result.success) return result.data
    throw this.#refused(result.error)
  }

  parseStored(payload: unknown): unknown {
    if (payload !== null) return this.parse(payload)
    let data: unknown
    try {
      data = this.parse(null)
    } catch (error) {
      return this.#parseLeftOut(error)
    }
    return data instanceof Promise ? data.catch((error: unknown) => this.#parseLeftOut(error)) : data
  }

  /** When that is refused as well, `refusal` says what is wrong with what is stored. */
  #parseLeftOut(refusal: unknown): unknown {
    const refuse = (): never => {
      throw refusal
    }
    let data: unknown
    try {
      data = this.parse(undefined)
    } catch {
      return refuse()
    }
    return data instanceof Promise ? data.catch(refuse) : data
  }

  async #parseAsync(payload: unknown): Promise<unknown> {
    let result: z.ZodSafeParseResult<unknown>
    try {
      result = await this.#schema.safeParseAsync(payload)
    } catch (error) {
      throw this.#threw(error)
    }
    if (result.success) return result.data
    throw this.#refused(result.error)
  }

  #refused(error: z.ZodError): PayloadValidationError {
    const issues: PayloadIssue[] = error.issues.map(({ path, message, code }) => ({ path, message, code }))
    return new PayloadValidationError(this.#type, issues, { cause: error })
  }

  /** A refinement or transformation of the user's own threw: the payload did not pass. */
  #threw(error: unknown): PayloadValidationError {
    const message = `the schema threw: ${error instanceof Error ? error.message : String(error)}`
    return new PayloadValidationError(this.#type, [{ path: [], message }], { cause: error })
  }
}
