/**
 * Takes jobs for a worker: those that a look has found, or, beside the look, the first one there is.
 *
 * Indexes: _id; ready, running.
 */
import { SchedError } from '@sched/core/adapter'
import type { Document } from 'mongodb'
import { back } from '../job-changes.ts'
import { type JobDocument, STATE } from '../job-document.ts'
import { JOBS } from '../job-indexes.ts'
import { keyText } from '../job-key.ts'
import type { Claimer } from '../job-limits.ts'
import { readSettings } from '../job-settings.ts'
import { concernOf, find, type JobSpace, type Statement, update } from '../job-space.ts'

const NAME = 'job claim'

function taking({ fence, worker }: Claimer): Document {
  return { $set: { s: STATE.running, m: fence, w: worker }, $inc: { a: 1 }, $currentDate: { k: true } }
}

/** What this claim has of these types. */
function heldBy({ fence, worker }: Claimer): Document {
  return { s: STATE.running, m: fence, w: worker }
}

/** The first ready job of some types, taken while it is not known yet whether the worker may have it. */
export class First {
  readonly #space: JobSpace
  readonly #claimer: Claimer
  /** Undefined: the answer was lost, and nothing was taken. */
  readonly taking: Promise<readonly JobDocument[] | undefined>
  #isKept = false

  constructor(space: JobSpace, claimer: Claimer, types: readonly number[]) {
    this.#space = space
    this.#claimer = claimer
    this.taking = takeFirst(space, claimer, types)
    // who waits for it hears
    this.taking.catch(() => undefined)
  }

  keep(): Promise<readonly JobDocument[] | undefined> {
    this.#isKept = true
    return this.taking
  }

  /** As if it had not been taken; who looked meanwhile did not see it, and is woken. Where that fails a heartbeat finds it. */
  async giveBackUnlessKept(): Promise<void> {
    if (this.#isKept) return
    try {
      const taken = (await this.taking) ?? []
      const keys = taken.map(({ _id }) => _id)
      if (keys.length === 0) return
      const q = { _id: { $in: keys }, ...heldBy(this.#claimer), z: null }
      await update(this.#space, [{ q, u: back({ giveBack: true }).update, multi: true }], { name: NAME })
      this.#space.wake(new Set(taken.map((document) => document.q)))
    } catch {
      // said above
    }
  }
}

/** As it was before. It is not sent twice, because that might take two: after a lost answer it is found by its fence. */
async function takeFirst(
  space: JobSpace,
  claimer: Claimer,
  types: readonly number[],
): Promise<readonly JobDocument[] | undefined> {
  const { connection } = space
  const q = { $in: types }
  const command = {
    findAndModify: connection.nameOf(JOBS),
    query: { q, s: STATE.ready, $or: [{ e: null }, { $expr: { $gt: ['$e', '$$NOW'] } }] },
    sort: { r: 1, d: 1 },
    hint: 'ready',
    update: taking(claimer),
    writeConcern: concernOf(connection, true),
  }
  try {
    const { answer } = await connection.send({ name: NAME }, command)
    return answer.value === null ? [] : [answer.value as JobDocument]
  } catch (error) {
    if (!(error instanceof SchedError && error.ambiguous)) throw error
    const filter = { q, ...heldBy(claimer) }
    const { documents } = await find<JobDocument>(space, NAME, { filter, limit: 1, hint: 'running' })
    return documents.length === 0
      ? undefined
      : documents.map((document) => ({ ...document, a: (document.a as number) - 1 }))
  }
}

/** At-most-once jobs start only once a majority has their claim: another write of it makes sure. Those of which that holds. */
export async function makeSure(
  space: JobSpace,
  claimer: Claimer,
  taken: readonly JobDocument[],
): Promise<readonly JobDocument[]> {
  if (!taken.some(({ h }) => readSettings(h).once)) return taken
  const q = { _id: { $in: taken.map(({ _id }) => _id) }, ...heldBy(claimer) }
  const { found } = await update(space, [{ q, u: { $currentDate: { k: true } }, multi: true }], {
    name: NAME,
  })
  return found === taken.length ? taken : await stillHeld(space, claimer, taken)
}

/** Those that were still as they had been seen. */
export async function takeJobs(
  space: JobSpace,
  claimer: Claimer,
  documents: readonly JobDocument[],
  until: Date | undefined,
): Promise<readonly JobDocument[]> {
  if (documents.length === 0) return documents
  const u = taking(claimer)
  const statements: Statement[] = asSeen(documents).map(({ keys, condition }) => ({
    q: { _id: keys.length === 1 ? keys[0] : { $in: keys }, ...inTime(condition, until) },
    u,
    multi: true,
  }))
  const quick = until === undefined && !documents.some(({ h }) => readSettings(h).once)
  const { found } = await update(space, statements, { name: NAME, quick })
  return found === documents.length ? documents : await stillHeld(space, claimer, documents)
}

async function stillHeld(
  space: JobSpace,
  claimer: Claimer,
  documents: readonly JobDocument[],
): Promise<readonly JobDocument[]> {
  const { documents: mine } = await find<Pick<JobDocument, '_id'>>(space, NAME, {
    filter: { _id: { $in: documents.map(({ _id }) => _id) }, ...heldBy(claimer) },
    projection: { _id: 1 },
    limit: documents.length,
  })
  const keys = new Set(mine.map(({ _id }) => keyText(_id)))
  return documents.filter(({ _id }) => keys.has(keyText(_id)))
}

interface SeenGroup {
  readonly keys: JobDocument['_id'][]
  readonly condition: Document
}

/** Nobody has claimed them since: their fence is the one that was seen. Those that expire must not have. */
function asSeen(documents: readonly JobDocument[]): readonly SeenGroup[] {
  const groups = new Map<string, SeenGroup>()
  for (const { _id, m, e } of documents) {
    const kind = `${m} ${e === undefined}`
    const group = groups.get(kind)
    if (group !== undefined) {
      group.keys.push(_id)
      continue
    }
    const condition: Document = { s: STATE.ready, m: m ?? null }
    if (e !== undefined) condition.$expr = { $gt: ['$e', '$$NOW'] }
    groups.set(kind, { keys: [_id], condition })
  }
  return [...groups.values()]
}

function inTime(condition: Document, until: Date | undefined): Document {
  if (until === undefined) return condition
  const inTime = { $lt: ['$$NOW', until] }
  return { ...condition, $expr: condition.$expr ? { $and: [condition.$expr, inTime] } : inTime }
}
