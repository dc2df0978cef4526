import type { IBrokerEngine, Lease } from '@sched/core/adapter'
import { type Context, LONG } from '../../case.ts'
import type { Check } from '../../check.ts'

/** `n` ids in the order of their numbers. */
export function ids(n: number, prefix = 'j'): string[] {
  return Array.from({ length: n }, (_, i) => `${prefix}${String(i).padStart(3, '0')}`)
}

/** Publishes one after the other, so that their order is this one. */
export async function publishAll(
  broker: IBrokerEngine,
  queue: string,
  all: readonly string[],
  priority?: number,
): Promise<void> {
  for (const id of all)
    await (priority === undefined ? broker.publish(queue, id) : broker.publish(queue, id, 0, priority))
}

/** Claims one lease, which must be of `id`. */
export async function leaseOf(
  broker: IBrokerEngine,
  check: Check,
  queue: string,
  id: string,
  options: { consumer?: string; leaseMs: number },
): Promise<Lease> {
  const leases = await broker.claimLeases!(queue, options.consumer ?? 'c', 1, options.leaseMs)
  check.equal(
    leases.map((lease) => lease.id),
    [id],
    `the id that claimLeases of one gives from ${queue}`,
  )
  return leases[0]!
}

/** One claim of everything, so that the order is promised. */
export async function order(
  context: Context,
  queue: string,
  expected: readonly string[],
  what: string,
  strategy?: 'priority' | 'fifo' | 'lifo',
): Promise<void> {
  const { broker, check } = context
  const claimed = strategy
    ? await broker.claim(queue, 'c', 500, LONG, strategy)
    : await broker.claim(queue, 'c', 500, LONG)
  check.equal(claimed, [...expected], what)
}
