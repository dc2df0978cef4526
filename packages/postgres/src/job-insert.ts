/** Jobs on their way into the tables, and the answers for them. */
import type { Database, Executor, Parameter } from './database.ts'
import type { EncodedJob } from './job-codec.ts'
import { jsonLines, plainArray } from './job-settle.ts'
import { JOBS } from './statements.ts'
import type { Committed, Notification } from './telling.ts'

/** Where jobs go: prefix and scope. */
type Place = readonly [prefix: string, scope: string]

/** Keys that were there already. */
type Known = ReadonlySet<string>

const INSERTED: Committed<Known> = { answer: new Set(), isHandedOver: false }
const HANDED_OVER: Committed<Known> = { answer: new Set(), isHandedOver: true }

/** Each id once, as it came first. */
export function distinct(encoded: readonly (EncodedJob | Error)[]): readonly EncodedJob[] {
  const sent = new Map<string, EncodedJob>()
  for (const job of encoded) if (!(job instanceof Error) && !sent.has(job.key)) sent.set(job.key, job)
  return [...sent.values()]
}

/** A job alone that is due now has a shorter way; with a notification it may be handed to a worker that waits. Each id is named once. */
export async function insertJobs(
  database: Database,
  place: Place,
  batch: readonly EncodedJob[],
  notification: Notification | undefined,
): Promise<Committed<Known>> {
  const [job] = batch
  if (batch.length === 1 && job !== undefined && isPlain(job)) {
    const [row] = await database.run(JOBS.insertOne, oneParameters(place, job, notification))
    if (row?.[0] === 'h') return HANDED_OVER
    return row?.[0] === 'e' ? { answer: new Set([job.key]), isHandedOver: false } : INSERTED
  }
  return { answer: await insertBatch(database, place, batch, notification), isHandedOver: false }
}

/** Each id is named once. */
export async function insertBatch(
  executor: Executor,
  place: Place,
  batch: readonly EncodedJob[],
  notification: Notification | undefined,
): Promise<Known> {
  const parameters = [...place, ...batchParameters(batch), ...(notification ?? [])]
  const rows = await executor.run(notification ? JOBS.insertAndNotify : JOBS.insert, parameters)
  return new Set(rows.map(([key]) => key as string))
}

/** One answer for each job that was given. */
export function answersOf(
  encoded: readonly (EncodedJob | Error)[],
  known: Known,
): ('inserted' | 'exists' | Error)[] {
  const seen = new Set<string>()
  return encoded.map((job) => {
    if (job instanceof Error) return job
    if (seen.has(job.key)) return 'exists'
    seen.add(job.key)
    return known.has(job.key) ? 'exists' : 'inserted'
  })
}

/** Due now, and without an end. */
function isPlain({ delayMs, runAt, expiresInMs, expiresAt }: EncodedJob): boolean {
  return delayMs === null && runAt === null && expiresInMs === null && expiresAt === null
}

function oneParameters(
  place: Place,
  { head, key, fresh, payload, extra }: EncodedJob,
  notification: Notification | undefined,
): readonly Parameter[] {
  return [...place, head, key, fresh, payload, extra, ...(notification ?? [null, null])]
}

function batchParameters(batch: readonly EncodedJob[]): Parameter[] {
  const heads = new Map<string, number>()
  const headOf = batch.map(({ head }) => {
    const place = heads.get(head) ?? heads.size + 1
    heads.set(head, place)
    return place
  })
  const column = (value: (job: EncodedJob) => number | null): string | null =>
    batch.some((job) => value(job) !== null) ? plainArray(batch.map(value)) : null
  return [
    `[${[...heads.keys()].join(',')}]`,
    plainArray(headOf),
    plainArray(batch.map(({ key }) => key)),
    batch.every(({ fresh }) => fresh),
    batch.map(({ payload }) => payload).join('\n'),
    jsonLines(batch.map(({ extra }) => extra)),
    column((job) => job.delayMs),
    column((job) => job.runAt),
    column((job) => job.expiresInMs),
    column((job) => job.expiresAt),
  ]
}
