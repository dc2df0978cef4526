/**
 * Counts jobs by type. Pending and running ones are counted by the keys of their indexes, one query a type and state; what ended is in the
 * counters. Not a snapshot.
 *
 * Indexes: ready, waiting, running; _id.
 */
import { inChunks, type JobCounts, type TypeCounts } from '@sched/core/adapter'
import { type PauseDocument, STATE, type TallyDocument } from '../job-document.ts'
import { JOBS } from '../job-indexes.ts'
import { find, type JobSpace } from '../job-space.ts'
import { SLOTS } from '../job-tally.ts'

type CountedState = 'ready' | 'waiting' | 'running'

/** So many queries are under way at once. */
const AT_ONCE = 8

export async function countState(
  { connection }: Pick<JobSpace, 'connection'>,
  type: number,
  state: CountedState,
): Promise<number> {
  const query = { q: type, s: STATE[state] }
  const command = { count: connection.nameOf(JOBS), query, hint: state }
  const { answer } = await connection.send({ name: 'job counts', repeatable: true }, command)
  return answer.n as number
}

export async function countJobs(space: JobSpace): Promise<JobCounts> {
  const [names, tallies, paused] = await Promise.all([space.names.all(), ended(space), pausedTypes(space)])
  const types: Record<string, TypeCounts> = {}
  for (const some of inChunks([...names], AT_ONCE)) {
    const counted = await Promise.all(some.map(([type]) => live(space, type)))
    for (const [i, [type, name]] of some.entries()) {
      const value = { ...(counted[i] as LiveCounts), ...totals(tallies, type), paused: paused.has(type) }
      // a type may have the name of something that every object has
      Object.defineProperty(types, name, { value, enumerable: true, configurable: true, writable: true })
    }
  }
  return { types }
}

type LiveCounts = Pick<TypeCounts, 'pending' | 'running'>

async function live(space: JobSpace, type: number): Promise<LiveCounts> {
  const [ready, waiting, running] = await Promise.all([
    countState(space, type, 'ready'),
    countState(space, type, 'waiting'),
    countState(space, type, 'running'),
  ])
  return { pending: ready + waiting, running }
}

async function ended(space: JobSpace): Promise<readonly TallyDocument[]> {
  const { documents } = await find<TallyDocument>(space, 'job counts', {
    filter: { _id: { $gte: { c: space.scope, k: 0 }, $lt: { c: space.scope, k: SLOTS } } },
    limit: SLOTS,
  })
  return documents
}

function totals(
  tallies: readonly TallyDocument[],
  type: number,
): Pick<TypeCounts, 'completed' | 'failed' | 'cancelled' | 'durationMs'> {
  const sum = (letter: 'c' | 'f' | 'x' | 'd'): number =>
    tallies.reduce((total, { n }) => total + (n?.[type]?.[letter] ?? 0), 0)
  return { completed: sum('c'), failed: sum('f'), cancelled: sum('x'), durationMs: sum('d') }
}

export async function pausedTypes(space: JobSpace): Promise<ReadonlySet<number>> {
  const _id: PauseDocument['_id'] = { p: space.scope }
  const { documents } = await find<PauseDocument>(space, 'job pauses', { filter: { _id }, limit: 1 })
  return new Set(documents[0]?.t)
}
