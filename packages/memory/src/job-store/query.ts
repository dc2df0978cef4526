import {
  InvalidArgumentError,
  JOB_STATES,
  type JobCounts,
  type JobPage,
  type JobQuery,
  type JobRecord,
  type JobState,
  MAX_BATCH,
  type TypeCounts,
  type WorkerRecord,
} from '@sched/core/adapter'
import { checkCount } from '../arguments.ts'
import type { JobScope } from './job-scope.ts'
import { FREE } from './job-states.ts'
import { jobRecord } from './views.ts'

const DEFAULT_LIMIT = 100

/** A page in the order of slots: a job keeps its slot for life, so none comes twice and none is left out. */
export function listJobs(scope: JobScope, query: JobQuery): JobPage {
  const { table } = scope
  const limit = checkedLimit(query.limit)
  const states = wantedStates(query.state)
  const jobs: JobRecord[] = []
  for (const slot of candidates(scope, query, slotAfter(query.after))) {
    if (states[table.states[slot]!] !== 1) continue
    if (query.type !== undefined && table.lanes[slot]!.type !== query.type) continue
    const extras = table.extras[slot]
    if (query.entityId !== undefined && extras?.entityId !== query.entityId) continue
    if (query.schedule !== undefined && extras?.occurrence?.schedule !== query.schedule) continue
    // one more than asked for shows that there is a next page, and where it starts
    if (jobs.length === limit) return { jobs, after: String(slot) }
    jobs.push(jobRecord(table, slot))
  }
  return { jobs, after: null }
}

/** The slots to look at, from `first` on: those of the entity or schedule, else of all jobs. */
function candidates(scope: JobScope, { entityId, schedule }: JobQuery, first: number): Iterable<number> {
  if (schedule !== undefined) return scope.bySchedule.from(schedule, first)
  if (entityId !== undefined) return scope.byEntity.from(entityId, first)
  return slotsBetween(first, scope.table.end)
}

function* slotsBetween(first: number, end: number): Generator<number> {
  for (let slot = first; slot < end; slot++) yield slot
}

export function countJobs(scope: JobScope): JobCounts {
  const types: [string, TypeCounts][] = []
  for (const lane of scope.lanes.values()) {
    const { pending, running, durationMs, paused } = lane
    const [completed, failed, cancelled] = lane.finished
    types.push([lane.type, { pending, running, completed, failed, cancelled, durationMs, paused }])
  }
  return { types: Object.fromEntries(types) }
}

export function listWorkers(scope: JobScope): WorkerRecord[] {
  return [...scope.workers.values()].map((worker) => ({
    id: worker.id,
    until: worker.until,
    dead: worker.deadSince !== undefined,
    running: worker.running,
    info: structuredClone(worker.info),
  }))
}

function checkedLimit(limit: number = DEFAULT_LIMIT): number {
  checkCount(limit, 'limit', MAX_BATCH)
  return limit
}

/** For each state's code whether it is wanted. */
function wantedStates(state: JobState | readonly JobState[] | undefined): Uint8Array {
  const wanted = new Uint8Array(FREE + 1)
  for (const name of state === undefined ? JOB_STATES : typeof state === 'string' ? [state] : state) {
    const code = JOB_STATES.indexOf(name)
    if (code < 0)
      throw new InvalidArgumentError(`state must be one of ${JOB_STATES.join(', ')}, not ${String(name)}`)
    wanted[code] = 1
  }
  return wanted
}

function slotAfter(after: string | undefined): number {
  if (after === undefined) return 0
  const slot = Number(after)
  checkCount(slot, 'after, the cursor of the page before,')
  return slot
}
