/**
 * Inserts jobs, each by itself. One trip; a second where a job is due by a delay and the server's clock was not looked at lately, and
 * once a process for a new type. An id that is known is a duplicate key, so racing inserts make one job.
 *
 * A lost answer is asked for again by the same insert: what is there then and is due at the very microsecond that this call chose, is this
 * call's own.
 *
 * Inside a user's transaction a duplicate would end it, so ids are looked up first: two trips, and one for the wake.
 *
 * Indexes: _id.
 */
import type { Binary, Document } from 'mongodb'
import type { Executor } from '../connection.ts'
import { DUPLICATE_KEY } from '../errors.ts'
import { type EncodedJob, jobDocument, needsClock } from '../job-codec.ts'
import { JOBS } from '../job-indexes.ts'
import { keyText } from '../job-key.ts'
import { concernOf, find, type JobSpace } from '../job-space.ts'
import { opTimeOf, type Written } from '../wakes.ts'

/** A message holds 48 MB; a UTF-16 unit takes at most three bytes. */
const LONGEST_TEXT = 12_000_000

/** Whether each was inserted, in order. Whoever waits for their types is woken. */
export async function insertJobs(space: JobSpace, jobs: readonly EncodedJob[]): Promise<readonly boolean[]> {
  const { documents, types } = await documentsOf(space, jobs)
  const inserted: boolean[] = []
  for (const chunk of chunks(jobs, documents)) {
    const inserting = insertChunk(space, chunk)
    space.wakeBeside(types, inserting)
    inserted.push(...(await inserting).inserted)
  }
  return inserted
}

/** The same in the user's transaction. */
export async function insertJobsWithin(
  space: JobSpace,
  executor: Executor,
  jobs: readonly EncodedJob[],
): Promise<{ readonly inserted: readonly boolean[]; readonly types: ReadonlySet<number> }> {
  const { documents, types } = await documentsOf(space, jobs)
  const collection = executor.collection<{ _id: Binary }>(JOBS)
  const ids = documents.map(({ _id }) => _id as Binary)
  const known = await executor.run({ name: 'job insert' }, () =>
    collection.find({ _id: { $in: ids } }, { ...executor.options, projection: { _id: 1 } }).toArray(),
  )
  const there = new Set(known.map(({ _id }) => keyText(_id)))
  const inserted = ids.map((id) => !there.has(keyText(id)))
  for (const chunk of chunks(jobs, documents)) {
    const fresh = chunk.filter(({ _id }) => !there.has(keyText(_id as Binary))) as { _id: Binary }[]
    if (fresh.length === 0) continue
    await executor.run({ name: 'job insert' }, () => collection.insertMany(fresh, executor.options))
  }
  return { inserted, types }
}

async function documentsOf(
  { scope, names, clock, heads }: JobSpace,
  jobs: readonly EncodedJob[],
): Promise<{ documents: Document[]; types: ReadonlySet<number> }> {
  const types = jobs.map(({ job }) => job.type)
  const needsLook = jobs.some(({ job }) => needsClock(job))
  const known = needsLook ? undefined : names.knownNumbers(types)
  const [numbers] = known
    ? [known]
    : await Promise.all([names.numbers(types), needsLook ? clock.fresh() : undefined])
  const first = clock.nextMicros(jobs.length)
  const documents = jobs.map((job, i) =>
    jobDocument(job, { scope, type: numbers[i] as number, clock, micros: first + i, heads }),
  )
  return { documents, types: new Set(numbers) }
}

interface Inserted extends Written {
  readonly inserted: readonly boolean[]
}

async function insertChunk(space: JobSpace, documents: readonly Document[]): Promise<Inserted> {
  const { connection } = space
  const { answer, writeErrors, mayBeApplied } = await connection.send(
    { name: 'job insert', repeatable: true },
    { insert: connection.nameOf(JOBS), documents, ordered: false, writeConcern: concernOf(connection) },
    DUPLICATE_KEY,
  )
  const inserted = documents.map(() => true)
  const writtenAt = opTimeOf(answer)
  if (writeErrors.length === 0) return { inserted, writtenAt }
  const known = writeErrors.map(({ index }) => index)
  const own = mayBeApplied
    ? await ownOf(
        space,
        known.map((i) => documents[i] as Document),
      )
    : undefined
  for (const i of known) inserted[i] = own?.has(keyText((documents[i] as Document)._id as Binary)) ?? false
  return { inserted, writtenAt }
}

/** Those that lie there as this call made them. */
async function ownOf(space: JobSpace, documents: readonly Document[]): Promise<ReadonlySet<string>> {
  const dues = new Map(documents.map(({ _id, d }) => [keyText(_id as Binary), d as number]))
  const { documents: found } = await find<{ _id: Binary; d?: number }>(space, 'job insert', {
    filter: { _id: { $in: documents.map(({ _id }) => _id) } },
    projection: { d: 1 },
    limit: documents.length,
  })
  return new Set(found.filter(({ _id, d }) => d === dues.get(keyText(_id))).map(({ _id }) => keyText(_id)))
}

function* chunks(
  jobs: readonly EncodedJob[],
  documents: readonly Document[],
): Generator<readonly Document[]> {
  let from = 0
  let length = 0
  for (const [i, { payload, options }] of jobs.entries()) {
    const next = payload.length + (options?.length ?? 0)
    if (i > from && length + next > LONGEST_TEXT) {
      yield documents.slice(from, i)
      from = i
      length = 0
    }
    length += next
  }
  yield from === 0 ? documents : documents.slice(from)
}
