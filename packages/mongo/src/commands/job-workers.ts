/**
 * The workers of a scope and how much each runs. Two trips. Indexes: _id; running.
 */
import { decodeValue, type WorkerRecord } from '@sched/core/adapter'
import type { WorkerDocument } from '../job-document.ts'
import { FEW, find, type JobSpace } from '../job-space.ts'
import { runningOf } from './job-heartbeat.ts'

/** All of a scope lie together. */
export async function findWorkers(space: JobSpace, filter: object): Promise<readonly WorkerDocument[]> {
  const { documents } = await find<WorkerDocument>(space, 'job workers', {
    filter: { _id: { $gte: { w: space.scope }, $lt: { w: space.scope + 1 } }, ...filter },
    limit: FEW,
  })
  return documents
}

export async function listWorkers(space: JobSpace): Promise<readonly WorkerRecord[]> {
  const workers = await findWorkers(space, { left: null })
  const types = [...new Set(workers.flatMap(({ t = [] }) => t))]
  const running = await runningOf(
    space,
    workers.map(({ _id }) => _id.i),
    types,
  )
  return workers.map(({ _id, u, dead = false, info }) => ({
    id: _id.i,
    until: u.getTime(),
    dead,
    running: running.filter(({ w }) => w === _id.i).length,
    info: info === undefined ? {} : decodeValue<Record<string, unknown>>(info, 'info'),
  }))
}
