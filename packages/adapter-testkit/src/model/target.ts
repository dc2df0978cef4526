import type {
  IBrokerEngine,
  ILockAdapter,
  IStorageEngine,
  JobStore,
  ScheduleStore,
} from '@sched/core/adapter'
import type { OpenOptions, Target } from '../target.ts'
import { ModelBroker } from './broker.ts'
import { ModelJobStore } from './job-store.ts'
import { ModelLock } from './lock.ts'
import { type ModelNode, Space } from './server.ts'
import { ModelStorage } from './storage.ts'

/** Which class stands for each part; a broken adapter puts its own in place of one. */
export interface ModelParts {
  readonly storage: (node: ModelNode) => IStorageEngine
  readonly broker: (node: ModelNode) => IBrokerEngine
  readonly lock: (node: ModelNode) => ILockAdapter
  readonly jobStore: (node: ModelNode) => JobStore
  /** Left out, the kit takes core's over the storage. */
  readonly scheduleStore?: (node: ModelNode) => ScheduleStore
}

export const MODEL_PARTS: ModelParts = {
  storage: (node) => new ModelStorage(node),
  broker: (node) => new ModelBroker(node),
  lock: (node) => new ModelLock(node),
  jobStore: (node) => new ModelJobStore(node),
}

/** The reference model as a target: any number of nodes over one state a namespace, whose clock the kit moves. */
export function modelTarget(name = 'the reference model', parts: Partial<ModelParts> = {}): Target {
  const spaces = new Map<string, Space>()
  const spaceOf = (namespace: string): Space => {
    const space = spaces.get(namespace) ?? new Space({ pace: 'still' })
    spaces.set(namespace, space)
    return space
  }
  const made: ModelParts = { ...MODEL_PARTS, ...parts }
  return {
    name,
    timing: { resolutionMs: 1, shortestTtlMs: 200, signalMs: 600, silenceMs: 20 },
    open(namespace: string, options: OpenOptions = {}) {
      const space = spaceOf(namespace)
      if (options.resetOnInit) space.wipe()
      const node: ModelNode = { space, skewMs: options.clockSkewMs ?? 0 }
      const opened = {
        storage: made.storage(node),
        broker: made.broker(node),
        lock: made.lock(node),
        jobStore: made.jobStore(node),
        ...(made.scheduleStore && { scheduleStore: made.scheduleStore(node) }),
      }
      const close = async (): Promise<void> => {
        for (const part of Object.values(opened)) await (part as { close?(): Promise<void> }).close?.()
      }
      return { ...opened, close }
    },
    destroy(namespace: string) {
      spaces.delete(namespace)
    },
    hooks: {
      clock: (namespace) => spaceOf(namespace).clock,
      advance: async (namespace, ms) => await spaces.get(namespace)?.clock.advance(ms),
      readRaw: (namespace) => rawOf(spaces.get(namespace)),
      wipe: (namespace) => spaces.get(namespace)?.wipe(),
      restart: () => undefined,
      corruptJob: (namespace, jobId, store) => damage(spaceOf(namespace), jobId, store),
    },
  }
}

/** What a half-written page leaves of a job. */
function damage(space: Space, jobId: string, store: 'composed' | 'fused'): void {
  const job = space.jobs?.jobs.get(jobId)
  if (store === 'fused' && job !== undefined)
    space.jobs?.change(job, { damaged: `{"id":${JSON.stringify(jobId)},"ty` })
  if (store === 'fused') return
  for (const [key, row] of space.rows) {
    if (row.id === jobId) space.rows.set(key, { ...row, value: { damaged: true } })
  }
}

function rawOf(space: Space | undefined): string[] {
  if (space === undefined) return []
  const queues = [...space.queues.values()].flatMap((queue) => [...queue.entries.values()])
  return [
    ...space.rows.values(),
    ...queues,
    ...space.locks.values(),
    ...(space.jobs?.jobs.values() ?? []),
  ].map((row) => JSON.stringify(row))
}
