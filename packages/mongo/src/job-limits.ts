/**
 * `maxActive` over the cluster. A claim reserves places first, then counts what runs, then claims no more than was left: between its look
 * and its claim nobody else can take these places, because whoever reserves later sees the reservation. So reserved and running ones are
 * never more than the limit. A reservation ends by itself; a claim that comes later than that finds nothing.
 *
 * Two trips before the claim, one after it. Indexes: running (counted by its keys); _id.
 */
import type { Document } from 'mongodb'
import { countState } from './commands/job-counts.ts'
import { retryingDuplicates } from './duplicates.ts'
import type { LimitDocument } from './job-document.ts'
import { JOBS } from './job-indexes.ts'
import { type JobSpace, update } from './job-space.ts'

export interface LimitedType {
  readonly type: number
  readonly maxActive: number
  /** Most places this claim can use. */
  readonly most: number
}

export interface Reservation {
  /** Places of each limited type. */
  readonly places: ReadonlyMap<number, number>
  /** Somebody else's claim under way holds places that may become free any moment. */
  readonly contended: ReadonlySet<number>
  /** The claim must reach the server before this. */
  readonly until: Date | undefined
}

const NO_LIMITS: Reservation = { places: new Map(), contended: new Set(), until: undefined }

/** Who reserves: the fence of the claim, and the worker. */
export interface Claimer {
  readonly fence: number
  readonly worker: string
}

export async function reservePlaces(
  space: JobSpace,
  claimer: Claimer,
  types: readonly LimitedType[],
): Promise<Reservation> {
  if (types.length === 0) return NO_LIMITS
  const places = new Map<number, number>()
  const contended = new Set<number>()
  const ends = await Promise.all(
    types.map(async (limited) => {
      const { before, until } = await reserve(space, claimer, limited)
      const running = await countState(space, limited.type, 'running')
      const free = limited.maxActive - running - before
      places.set(limited.type, Math.max(0, Math.min(limited.most, free)))
      if (before > 0 && running < limited.maxActive) contended.add(limited.type)
      return until.getTime()
    }),
  )
  // the claim may still be under way when this has passed, but not when the reservation ends
  return { places, contended, until: new Date(Math.min(...ends) - 2 * space.connection.settings.deadlineMs) }
}

/** Nobody depends on it: a reservation that stays ends by itself. */
export async function releasePlaces(
  space: JobSpace,
  { fence, worker }: Claimer,
  types: readonly LimitedType[],
): Promise<void> {
  if (types.length === 0) return
  const updates = types.map(({ type }) => ({
    q: { _id: limitId(space, type) },
    u: { $pull: { t: { m: fence, w: worker } } },
  }))
  await update(space, updates, { name: 'job claim', quick: true }).catch(() => undefined)
}

/** Places that were reserved before, and when this reservation ends. */
async function reserve(
  space: JobSpace,
  { fence, worker }: Claimer,
  { type, most }: LimitedType,
): Promise<{ readonly before: number; readonly until: Date }> {
  const { connection } = space
  const mine = {
    m: fence,
    w: { $literal: worker },
    n: most,
    u: { $add: ['$$NOW', 3 * connection.settings.deadlineMs] },
  }
  const live = {
    $filter: {
      input: { $ifNull: ['$t', []] },
      // a repeat after a lost answer takes the place of the first try
      cond: { $and: [{ $gt: ['$$this.u', '$$NOW'] }, { $ne: ['$$this.m', fence] }] },
    },
  }
  const pipeline: Document[] = [{ $set: { t: { $concatArrays: [live, [mine]] } } }]
  const after = await connection.run({ name: 'job claim', repeatable: true }, () =>
    retryingDuplicates(() =>
      connection
        .collection<LimitDocument>(JOBS)
        .findOneAndUpdate({ _id: limitId(space, type) }, pipeline, { upsert: true, returnDocument: 'after' }),
    ),
  )
  const all = after?.t ?? []
  const place = all.findIndex(({ m, w }) => m === fence && w === worker)
  const own = all[place]
  if (own === undefined) throw new Error('a reservation is not in its own answer')
  return { before: all.slice(0, place).reduce((sum, { n }) => sum + n, 0), until: own.u }
}

function limitId({ scope }: JobSpace, type: number): LimitDocument['_id'] {
  return { l: scope, q: type }
}
