/**
 * What a claim looks at, side by side, in one trip: the ready jobs of the wanted types in order; in one query the next one that only time keeps
 * back and which types are paused; and whether the worker lives (only where this process does not know it from a heartbeat).
 *
 * Types without a limit of their own are one query, whose index is merged in order over the types; each other type is one.
 *
 * Indexes: ready, waiting; _id.
 */
import type { Document } from 'mongodb'
import { type JobDocument, type PauseDocument, STATE, workerId } from '../job-document.ts'
import { find, type JobSpace, update } from '../job-space.ts'

export interface OpenType {
  readonly type: number
  /** Most of it that can be taken. */
  readonly most: number
}

export interface LookBeside {
  readonly paused: ReadonlySet<number>
  readonly alive: boolean
  /** The next that only time keeps back: how many microseconds after the server's now, and that now. */
  readonly next: { readonly due: number; readonly now: number } | undefined
}

export interface Look extends LookBeside {
  /** By (priority, due), types merged; of each query at least one more than can be taken, if there are so many. */
  readonly ready: readonly JobDocument[]
  /** There is more than `ready`, whatever its length. */
  readonly cut: boolean
}

export async function lookForJobs(
  space: JobSpace,
  worker: string,
  types: readonly OpenType[],
  { limit, from }: { readonly limit: number; readonly from: Document },
): Promise<Look> {
  const together = types.filter(({ most }) => most >= limit)
  const apart = types.filter(({ most }) => most < limit)
  const [ready, beside] = await Promise.all([
    Promise.all([
      ...(together.length > 0
        ? [
            readyOf(
              space,
              together.map(({ type }) => type),
              limit,
              from,
            ),
          ]
        : []),
      ...apart.map(({ type, most }) => readyOf(space, [type], most, {})),
    ]),
    lookBeside(space, worker, types),
  ])
  const documents = ready.flatMap((found) => found.documents)
  return {
    ready: ready.length > 1 ? documents.sort(byPlace) : documents,
    cut: ready.some(({ cut }) => cut),
    ...beside,
  }
}

/** The same without the ready jobs. */
export async function lookBeside(
  space: JobSpace,
  worker: string,
  types: readonly OpenType[],
): Promise<LookBeside> {
  const [waiting, alive] = await Promise.all([waitingOf(space, types), isAlive(space, worker, types)])
  return { ...waiting, alive }
}

/** Order of the same place is that of the answer. */
function byPlace(a: JobDocument, b: JobDocument): number {
  return a.r - b.r || a.d - b.d
}

function readyOf(space: JobSpace, types: readonly number[], most: number, from: Document) {
  return find<JobDocument>(space, 'job claim', {
    filter: { q: types.length === 1 ? types[0] : { $in: types }, s: STATE.ready, ...from },
    sort: { r: 1, d: 1 },
    limit: most + 1,
    hint: 'ready',
  })
}

/** The paused types lie before whatever waits. */
async function waitingOf(
  space: JobSpace,
  types: readonly OpenType[],
): Promise<Pick<LookBeside, 'next' | 'paused'>> {
  const { documents } = await find<{ d: number; t?: PauseDocument['t']; now: Date }>(space, 'job claim', {
    filter: { q: { $in: [space.scope, ...types.map(({ type }) => type)] }, s: STATE.waiting },
    sort: { d: 1 },
    projection: { _id: 0, d: 1, t: 1, now: '$$NOW' },
    limit: 2,
    hint: 'waiting',
  })
  const first = documents.find(({ t }) => t === undefined)
  return {
    paused: new Set(documents.find(({ t }) => t !== undefined)?.t),
    next: first && { due: first.d, now: first.now.getTime() * 1000 },
  }
}

/** Its document names the types that it claims, before it claims them. */
async function isAlive(space: JobSpace, worker: string, types: readonly OpenType[]): Promise<boolean> {
  const numbers = types.map(({ type }) => type)
  if (space.leases.isSure(worker, numbers)) return true
  const { found } = await update(
    space,
    [{ q: { _id: workerId(space.scope, worker), dead: null }, u: { $addToSet: { t: { $each: numbers } } } }],
    { name: 'job claim', quick: true },
  )
  if (found > 0) space.leases.noted(worker, numbers)
  return found > 0
}
