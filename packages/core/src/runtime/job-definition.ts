import type { z } from 'zod'
import type { Delivery, FinalState } from '../contracts/job-record.ts'
import type { BackoffStrategy } from '../policies/backoff.ts'
import type { JobContext } from './job-context.ts'

/** How long finished jobs of one state are kept. Both bounds hold; zero keeps none. */
export interface KeepOptions {
  /** Milliseconds, or a text such as `1d`. */
  readonly age?: number | string
  /** The latest so many of the type. */
  readonly count?: number
}

export type RetentionOptions = Readonly<Partial<Record<FinalState, KeepOptions>>>

/** What a job type may say about its jobs. Durations are milliseconds, or texts such as `90s`. */
export interface JobSettings<Type extends string = string> {
  readonly type: Type
  /** Most jobs of this type running at once over the whole cluster; a positive integer. Default: no limit. */
  readonly concurrency?: number
  /** −20 (lowest) … 20 (highest); default 1. */
  readonly priority?: number
  /** Failed attempts after which the job is tried again; default 0. */
  readonly maxRetries?: number
  /** Default `exponential`: 10 s, doubling, at most 1 h. `linear`: always 10 s. */
  readonly backoffStrategy?: BackoffStrategy
  /** An attempt that runs longer fails and its signal is aborted. Default: none. */
  readonly timeout?: number | string
  /** An attempt that gives no sign of life (`ctx.touch`, `ctx.updateProgress`) for so long fails. Default: none. */
  readonly stallTimeout?: number | string
  /** `at-most-once`: never run twice, also not after a failure or a crash; possibly not at all. Default `at-least-once`. */
  readonly delivery?: Delivery
  /** How long finished jobs are kept, where it differs from an hour and 1,000 (failed: 14 days). */
  readonly retention?: RetentionOptions
}

/** A job type with a zod schema: records hold the schema's input, the handler gets its output. */
export interface JobDefinitionWithSchema<Schema extends z.ZodType, Type extends string = string>
  extends JobSettings<Type> {
  readonly schema: Schema
  /** Left out: this process only enqueues. What it returns is kept as the job's `result`. */
  handle?(data: z.output<Schema>, ctx: JobContext<z.input<Schema>>): unknown
}

/** A job type without a payload. */
export interface JobDefinitionWithoutSchema<Type extends string = string> extends JobSettings<Type> {
  readonly schema?: undefined
  handle?(data: undefined, ctx: JobContext<undefined>): unknown
}

/** `JobDefinition<typeof schema>`, or `JobDefinition` for a job without a payload. */
export type JobDefinition<
  Schema extends z.ZodType | undefined = undefined,
  Type extends string = string,
> = Schema extends z.ZodType ? JobDefinitionWithSchema<Schema, Type> : JobDefinitionWithoutSchema<Type>

export type AnyJobDefinition = JobDefinitionWithSchema<z.ZodType> | JobDefinitionWithoutSchema

/** The payload that `enqueue` takes for a definition: its schema's input. */
export type PayloadOf<Definition> = Definition extends { readonly schema: infer Schema extends z.ZodType }
  ? z.input<Schema>
  : undefined

/** What the handler of a definition gets: its schema's output. */
export type DataOf<Definition> = Definition extends { readonly schema: infer Schema extends z.ZodType }
  ? z.output<Schema>
  : undefined

/** Gives a definition its types: `handle` and every `enqueue` follow the schema. Checked when a scheduler registers it. */
export function defineJob<const Type extends string, Schema extends z.ZodType>(
  definition: JobDefinitionWithSchema<Schema, Type>,
): JobDefinitionWithSchema<Schema, Type>
export function defineJob<const Type extends string>(
  definition: JobDefinitionWithoutSchema<Type>,
): JobDefinitionWithoutSchema<Type>
export function defineJob(definition: AnyJobDefinition): AnyJobDefinition {
  return definition
}

/** What `enqueue` takes for a type among several; anything when the types are not known at compile time. */
export type PayloadFor<
  Definitions extends readonly AnyJobDefinition[],
  Type extends string,
> = string extends Definitions[number]['type']
  ? unknown
  : PayloadOf<Extract<Definitions[number], { readonly type: Type }>>

/** What `enqueue` takes after the job: for a job without a payload it may be left out. */
export type PayloadArguments<Payload, Options> = undefined extends Payload
  ? [payload?: Payload, options?: Options]
  : [payload: Payload, options?: Options]
