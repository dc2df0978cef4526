/** What the tests of the job store share. */
import { randomUUID } from 'node:crypto'
import { BACKEND, type ClaimedJob, type ClaimType, type JobStore, type NewJob } from '@sched/core/adapter'
import type { RedisConnectionOptions } from './index.ts'
import { redis } from './index.ts'

export interface OpenedStore {
  readonly store: JobStore
  close(): Promise<void>
}

/** A fused job store under a prefix of its own. */
export async function openStore(
  source: RedisConnectionOptions,
  prefix = `test-${randomUUID()}`,
): Promise<OpenedStore & { readonly prefix: string }> {
  const adapters = redis(source, { prefix })
  const { storage, broker } = adapters
  const store = storage[BACKEND]?.fuse({ scope: 'a:b:c', storage, broker })
  if (store === undefined) throw new Error('the adapters do not fuse')
  await storage.ready?.()
  return { store, prefix, close: adapters.close }
}

export function job(id: string, more: Partial<NewJob> = {}): NewJob {
  return { id, type: 'mail', payload: { of: id }, priority: 0, ...more }
}

export async function join(store: JobStore, worker = 'w', leaseMs = 60_000): Promise<void> {
  await store.heartbeat({ id: worker, leaseMs, phase: 'join' }, [])
}

export async function claim(
  store: JobStore,
  limit = 10,
  types: readonly ClaimType[] = [{ type: 'mail' }],
): Promise<readonly ClaimedJob[]> {
  return (await store.settle([], { worker: 'w', limit, types })).jobs
}

export async function complete(
  store: JobStore,
  jobs: readonly ClaimedJob[],
): Promise<readonly ('ok' | 'stale')[]> {
  const outcomes = jobs.map(({ id, token }) => ({ id, token, kind: 'complete' }) as const)
  return (await store.settle(outcomes)).settled
}
