import type { NewJob } from '../contracts/job-store.ts'
import {
  InvalidArgumentError,
  PayloadValidationError,
  ValueTooLargeError,
  ValueUnserializableError,
} from '../errors/sched-error.ts'
import type { Clock } from '../values/clock.ts'
import { copyValue, isNormal, normalText } from '../values/codec.ts'
import { checkOptions } from '../values/known-options.ts'
import { show } from '../values/show.ts'
import { BATCH_OPTIONS, ENQUEUE_OPTIONS, type EnqueueOptions, ITEM_OPTIONS } from './enqueue-options.ts'
import { JobIds } from './job-id.ts'
import type { Producer } from './producer.ts'
import { buildRecord, plainRecord } from './record-builder.ts'
import type { RegisteredJob, Registry } from './registry.ts'

/** Where records go; opened by the first enqueue. */
export interface ProducerSource {
  /** The producer, when it is open already. */
  readonly producer: Producer | undefined
  open(): Promise<{ readonly producer: Producer }>
}

type BatchOptions = Pick<EnqueueOptions, 'tx'>

interface Item extends EnqueueOptions {
  readonly payload?: unknown
}

/** From `enqueue` to the producer: find the definition, check the payload, make the record. */
export class Enqueuer {
  readonly #registry: Registry
  readonly #source: ProducerSource
  readonly #ids: JobIds

  constructor(registry: Registry, clock: Clock, source: ProducerSource) {
    this.#registry = registry
    this.#source = source
    this.#ids = new JobIds(clock)
  }

  enqueue(type: string, payload: unknown, options: EnqueueOptions | undefined): Promise<string> {
    const { producer } = this.#source
    let record: NewJob
    let checked: Promise<unknown> | undefined
    try {
      const job = this.#registry.get(type)
      const text = producer?.takesText && payload !== undefined ? normalText(payload) : undefined
      record = this.#record(job, payload, text, options)
      checked = checkPayload(job, payload, text !== undefined)
    } catch (error) {
      return Promise.reject(error)
    }
    if (producer === undefined || checked !== undefined || options?.tx !== undefined)
      return this.#enqueueLater(record, checked, options?.tx)
    return producer.add(record)
  }

  /** What is stored is what the payload is now: the caller, or a schema that works in place, may change the object before it is sent. */
  #record(
    job: RegisteredJob,
    payload: unknown,
    text: string | undefined,
    options: EnqueueOptions | undefined,
  ): NewJob {
    const taken = payload === undefined || text !== undefined ? payload : copyValue(payload, PAYLOAD)
    const record =
      options === undefined
        ? plainRecord(job, taken, this.#ids)
        : buildRecord(job, taken, this.#ids, {
            options,
            what: `enqueue("${job.type}")`,
            known: ENQUEUE_OPTIONS,
          })
    if (text !== undefined) record.payloadText = text
    return record
  }

  async #enqueueLater(record: NewJob, checked: Promise<unknown> | undefined, tx: unknown): Promise<string> {
    await checked
    const producer = this.#source.producer ?? (await this.#source.open()).producer
    if (tx === undefined) return producer.add(record)
    return (await producer.addWithin(tx, [record]))[0]!
  }

  async enqueueMany(
    type: string,
    items: readonly Item[],
    options: BatchOptions | undefined,
  ): Promise<string[]> {
    const job = this.#registry.get(type)
    const what = `enqueueMany("${type}")`
    if (!Array.isArray(items))
      throw new InvalidArgumentError(`${what} takes an array of { payload, …options }, not ${show(items)}`)
    if (options !== undefined) checkOptions(options, BATCH_OPTIONS, `${what}: the third argument`)
    const records: NewJob[] = new Array(items.length)
    const checks: Promise<unknown>[] = []
    for (let i = 0; i < items.length; i++) {
      const item = items[i]!
      if (typeof item !== 'object' || item === null)
        throw new InvalidArgumentError(
          `${what}: items[${i}] must be { payload, …options }, not ${show(item)}`,
        )
      const check = checkItem(job, item, i)
      if (check !== undefined) {
        // A later item may throw before anybody waits for this one; whoever waits hears of it all the same.
        check.catch(() => undefined)
        checks.push(check)
      }
      records[i] = hasOptions(item)
        ? buildRecord(job, item.payload, this.#ids, {
            options: item,
            what: `${what}: items[${i}]`,
            known: ITEM_OPTIONS,
          })
        : plainRecord(job, item.payload, this.#ids)
    }
    if (checks.length > 0) await Promise.all(checks)
    const producer = this.#source.producer ?? (await this.#source.open()).producer
    const tx = options?.tx
    return tx === undefined ? producer.addMany(records) : producer.addWithin(tx, records)
  }
}

const PAYLOAD = { root: 'payload' } as const

/**
 * Checks the payload as it would be stored: what the codec changes, the schema sees changed. Throws VALUE_*, PAYLOAD_INVALID,
 * INVALID_ARGUMENT, or gives a promise that may reject with PAYLOAD_INVALID when the schema is asynchronous.
 */
export function checkPayload(
  { type, schema }: RegisteredJob,
  payload: unknown,
  isNormalAlready = false,
): Promise<unknown> | undefined {
  if (schema === undefined) {
    if (payload === undefined || payload === null) return undefined
    throw new InvalidArgumentError(
      `the definition of "${type}" has no schema, so it takes no payload: give it a schema, or pass undefined, and options after it`,
    )
  }
  const asIs = isNormalAlready || payload === undefined || isNormal(payload)
  const data = schema.parse(asIs ? payload : copyValue(payload, PAYLOAD))
  return data instanceof Promise ? data : undefined
}

function checkItem(job: RegisteredJob, item: Item, index: number): Promise<unknown> | undefined {
  try {
    return checkPayload(job, item.payload)?.catch((error: unknown) => {
      throw atIndex(error, item, index)
    })
  } catch (error) {
    throw atIndex(error, item, index)
  }
}

/** The same error, its path led from the array of items. */
function atIndex(error: unknown, item: Item, index: number): unknown {
  // names the culprit anew: it throws
  if (error instanceof ValueUnserializableError || error instanceof ValueTooLargeError)
    copyValue(item.payload, { root: `items[${index}].payload` })
  if (error instanceof InvalidArgumentError)
    return new InvalidArgumentError(`items[${index}]: ${error.message}`)
  if (!(error instanceof PayloadValidationError)) return error
  const issues = error.issues.map((issue) => ({ ...issue, path: ['items', index, 'payload', ...issue.path] }))
  return new PayloadValidationError(error.type, issues, { cause: error.cause })
}

function hasOptions(item: Item): boolean {
  for (const key in item) if (key !== 'payload') return true
  return false
}
