// What a claim may take, in order: the head of what is ready, together with what has just come due or lost its lease.
//
// Trips    1: aggregate
// Indexes  by_priority or by_due (the head), by_time (the rest), _id (paused). Examines what it returns, and at most 1,000 overdue ones
import type { BrokerStrategy } from '@sched/core/adapter'
import type { Document } from 'mongodb'
import type { MongoConnection } from '../connection.ts'
import { type EntryDocument, LEASED, ORDERS, overdueOf, readyOf } from './entry-document.ts'

export type Candidate = Pick<EntryDocument, '_id' | 'p' | 'd' | 's' | 'n'>

export interface Candidates {
  readonly paused: boolean
  readonly candidates: readonly Candidate[]
  /** So many are overdue that their order is not known: make them ready first. */
  readonly flooded: boolean
  /** Live leases, and the slots they take; only where that was asked for. */
  readonly active: number
  readonly slots: ReadonlySet<number>
}

const MOST_OVERDUE = 1_000

export interface CandidatesWanted {
  readonly q: string
  readonly strategy: BrokerStrategy
  readonly limit: number
  /** Also count live leases. */
  readonly withActive: boolean
}

export async function findCandidates(
  connection: MongoConnection,
  { q, strategy, limit, withActive }: CandidatesWanted,
): Promise<Candidates> {
  const entries = connection.nameOf('entries')
  const order = ORDERS[strategy]
  const pipeline: Document[] = [
    { $match: readyOf(q) },
    { $sort: order },
    { $limit: limit },
    {
      $unionWith: {
        coll: entries,
        pipeline: [{ $match: overdueOf(q) }, { $sort: { t: 1 } }, { $limit: MOST_OVERDUE }],
      },
    },
    { $sort: order },
    { $limit: limit },
    { $project: { p: 1, d: 1, s: 1, n: 1 } },
    {
      $unionWith: {
        coll: connection.nameOf('queues'),
        pipeline: [{ $match: { _id: q } }, { $project: { _id: { $literal: 'paused' } } }],
      },
    },
    {
      $unionWith: {
        coll: entries,
        pipeline: [
          { $match: overdueOf(q) },
          { $sort: { t: 1 } },
          { $skip: MOST_OVERDUE },
          { $limit: 1 },
          { $project: { _id: { $literal: 'flooded' } } },
        ],
      },
    },
    ...(withActive ? [{ $unionWith: { coll: entries, pipeline: activeOf(q) } }] : []),
  ]
  const found = await connection.run({ name: 'broker claim', repeatable: true }, () =>
    connection
      .collection('entries')
      .aggregate(pipeline, { batchSize: limit + 10 })
      .toArray(),
  )
  const named = (name: string): Document | undefined => found.find(({ _id }) => _id === name)
  const active = named('active')
  return {
    paused: named('paused') !== undefined,
    flooded: named('flooded') !== undefined,
    candidates: found.filter(({ _id }) => typeof _id === 'object') as Candidate[],
    active: (active?.count as number | undefined) ?? 0,
    slots: new Set((active?.slots as number[] | undefined) ?? []),
  }
}

function activeOf(q: string): Document[] {
  return [
    { $match: { '_id.q': q, st: LEASED, $expr: { $gt: ['$t', '$$NOW'] } } },
    { $group: { _id: { $literal: 'active' }, count: { $sum: 1 }, slots: { $push: '$slot' } } },
  ]
}
