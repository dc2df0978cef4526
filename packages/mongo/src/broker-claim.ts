/** Claiming from one queue: find what may be taken, take it, and look again where others were quicker. */
import { randomUUID } from 'node:crypto'
import type { BrokerStrategy, Lease } from '@sched/core/adapter'
import { type Candidate, type Candidates, findCandidates } from './commands/broker-candidates.ts'
import { ripenEntries } from './commands/broker-ripen.ts'
import { takeEntries } from './commands/broker-take.ts'
import { FOREVER_MS, ORDERS } from './commands/entry-document.ts'
import type { MongoConnection } from './connection.ts'
import { receiptOf } from './receipt.ts'

export interface Claim {
  readonly q: string
  readonly consumer: string
  readonly limit: number
  readonly leaseMs: number
  readonly strategy: BrokerStrategy
  readonly maxActive?: number | undefined
}

/** Most ids of one command. */
const BATCH = 1_000
/** How often to look again where others were quicker. Each time somebody else got on, so this ends only a claim that is very unlucky. */
const TRIES = 64

/** Leases in order; fewer than asked for when there are no more, or others take them all the time. */
export async function claimEntries(connection: MongoConnection, claim: Claim): Promise<Lease[]> {
  const taken: Candidate[] = []
  const token = randomUUID()
  let rounds = 0
  for (let missed = 0; taken.length < claim.limit && missed < TRIES; rounds++) {
    const wanted = Math.min(claim.limit - taken.length, BATCH)
    const found = await look(connection, claim, missed === 0 ? wanted : widened(wanted, missed))
    const room = roomOf(found, claim)
    const chosen = spread(found.candidates, Math.min(wanted, room.length), missed > 0)
    if (found.paused || chosen.length === 0) break
    const own = await takeEntries(connection, chosen, {
      consumer: claim.consumer,
      token,
      leaseMs: Math.min(claim.leaseMs, FOREVER_MS),
      ...(claim.maxActive !== undefined && { slots: room.slots }),
    })
    taken.push(...own)
    if (own.length < chosen.length) missed++
    else if (found.candidates.length < wanted || room.length < wanted) break
  }
  if (rounds > 1) taken.sort(byOrder(claim.strategy))
  return taken.map(({ _id, n, d }) => ({
    id: _id.i,
    receipt: receiptOf(_id.i, token),
    deliveries: n + 1,
    dueAt: d.getTime(),
  }))
}

async function look(
  connection: MongoConnection,
  { q, strategy, maxActive }: Claim,
  limit: number,
): Promise<Candidates> {
  const withActive = maxActive !== undefined
  // a lease that has ended still stands in its slot
  if (withActive) await ripenEntries(connection, q)
  for (;;) {
    const found = await findCandidates(connection, { q, strategy, limit, withActive })
    if (found.paused || !found.flooded) return found
    await ripenEntries(connection, q)
  }
}

/** How many may be leased more, and in which slots. */
function roomOf(
  found: Candidates,
  { maxActive }: Claim,
): { readonly length: number; readonly slots: number[] } {
  if (maxActive === undefined) return { length: Number.POSITIVE_INFINITY, slots: [] }
  const length = Math.max(0, maxActive - found.active)
  const slots: number[] = []
  const most = Math.min(length, found.candidates.length)
  for (let slot = 0; slot < maxActive && slots.length < most; slot++)
    if (!found.slots.has(slot)) slots.push(slot)
  return { length, slots }
}

/** Claimers that missed spread over more of the line each time, until they no longer reach for the same. */
function widened(wanted: number, missed: number): number {
  return Math.min(wanted * 2 ** (missed + 1), BATCH)
}

function spread(candidates: readonly Candidate[], count: number, contended: boolean): readonly Candidate[] {
  const start = contended ? Math.floor(Math.random() * Math.max(1, candidates.length - count + 1)) : 0
  return candidates.slice(start, start + count)
}

function byOrder(strategy: BrokerStrategy): (a: Candidate, b: Candidate) => number {
  const order = Object.entries(ORDERS[strategy]) as ['p' | 'd' | 's', 1 | -1][]
  return (a, b) => {
    for (const [field, way] of order) {
      const difference = Number(a[field]) - Number(b[field])
      if (difference !== 0) return way * difference
    }
    return 0
  }
}
