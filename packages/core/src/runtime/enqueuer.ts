import type { NewJob } from '../contracts/job-store.ts'
import { PayloadValidationError } from '../errors/sched-error.ts'
import type { Clock } from '../values/clock.ts'
import { copyValue } from '../values/codec.ts'
import type { EnqueueOptions } from './enqueue-options.ts'
import { JobIds } from './job-id.ts'
import type { Producer } from './producer.ts'
import { buildRecord } from './record-builder.ts'
import type { RegisteredJob, Registry } from './registry.ts'

/** Where records go; opened by the first enqueue. */
export interface ProducerSource {
  /** The producer, when it is open already. */
  readonly producer: Producer | undefined
  open(): Promise<{ readonly producer: Producer }>
}

interface Item extends EnqueueOptions {
  readonly payload?: unknown
}

/** From `enqueue` to the producer: find the definition, check the payload, make the record. */
export class Enqueuer {
  readonly #registry: Registry
  readonly #source: ProducerSource
  readonly #madeId: () => string

  constructor(registry: Registry, clock: Clock, source: ProducerSource) {
    const ids = new JobIds(() => clock.now())
    this.#registry = registry
    this.#source = source
    this.#madeId = () => ids.next()
  }

  async enqueue(type: string, payload: unknown, options: EnqueueOptions | undefined): Promise<string> {
    const job = this.#registry.get(type)
    // a copy, because the caller may change its object while the batch waits
    const copy = payload === undefined ? null : copyValue(payload, { root: 'payload' })
    const checked = checkPayload(job, payload)
    const record = buildRecord(job, copy, this.#madeId, options)
    if (checked !== undefined) await checked
    const producer = this.#source.producer ?? (await this.#source.open()).producer
    if (options?.tx === undefined) return producer.add(record)
    return (await producer.addWithin(options.tx, [record]))[0]!
  }

  async enqueueMany(type: string, items: readonly Item[], tx: unknown): Promise<string[]> {
    const job = this.#registry.get(type)
    const records: NewJob[] = new Array(items.length)
    const checks: Promise<unknown>[] = []
    for (let i = 0; i < items.length; i++) {
      const item = items[i]!
      const check = checkItem(job, item, i)
      if (check !== undefined) checks.push(check)
      records[i] = buildRecord(job, item.payload, this.#madeId, hasOptions(item) ? item : undefined)
    }
    if (checks.length > 0) await Promise.all(checks)
    const producer = this.#source.producer ?? (await this.#source.open()).producer
    return tx === undefined ? producer.addMany(records) : producer.addWithin(tx, records)
  }
}

/** Throws PAYLOAD_INVALID, or gives a promise that may reject with it when the schema is asynchronous. */
function checkPayload(job: RegisteredJob, payload: unknown): Promise<unknown> | undefined {
  const data = job.schema?.parse(payload)
  return data instanceof Promise ? data : undefined
}

function checkItem(job: RegisteredJob, item: Item, index: number): Promise<unknown> | undefined {
  try {
    return checkPayload(job, item.payload)?.catch((error: unknown) => {
      throw atIndex(error, index)
    })
  } catch (error) {
    throw atIndex(error, index)
  }
}

/** The same issues, their paths led from the array of items. */
function atIndex(error: unknown, index: number): unknown {
  if (!(error instanceof PayloadValidationError)) return error
  const issues = error.issues.map((issue) => ({ ...issue, path: ['items', index, 'payload', ...issue.path] }))
  return new PayloadValidationError(error.type, issues, { cause: error.cause })
}

function hasOptions(item: Item): boolean {
  for (const key in item) if (key !== 'payload') return true
  return false
}
