import type { IBrokerEngine, Lease } from '@sched/core/adapter'
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
