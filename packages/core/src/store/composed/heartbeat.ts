import {
  type HeartbeatReply,
  type Held,
  OPERATION_DEADLINE_MS,
  type WorkerReport,
} from '../../contracts/job-store.ts'
import { isJobRow, type JobRow } from './job-row.ts'
import type { ComposedParts } from './parts.ts'
import { quietly, takeBack } from './take-back.ts'
import { abandoned, backToPending } from './transitions.ts'

/** Running jobs read at once. */
const PAGE = 500

/**
 * Renews the worker's one record, then squares what the storage says it runs with what it says itself: what it does not know is released
 * (a claim whose answer was lost), unless it is younger than the grace or its claim is under way. A broker lease that is gone is no
 * reason to stop: the storage says who runs a job. A worker that leaves keeps nothing; of one that is dead nothing is kept here.
 */
export async function beat(
  parts: ComposedParts,
  report: WorkerReport,
  held: readonly Held[],
  underWay: ReadonlySet<string>,
): Promise<HeartbeatReply> {
  if (report.phase === 'leave') await parts.open.end(report.id)
  const alive = await parts.workers.renew(report)
  const [running] = await Promise.all([runningOf(parts, report.id), refreshPaused(parts)])
  const tokens = new Map(running.map((row) => [row.id, row.token]))
  const known = new Map(held.map(({ id, token }) => [id, token]))
  const lost = held.filter(({ id, token }) => tokens.get(id) !== token).map(({ id }) => id)
  const cancelRequested = running
    .filter((row) => row.cancelRequested && known.get(row.id) === row.token)
    .map(({ id }) => id)
  if (!alive) forget(parts, report.id)
  else if (report.phase === 'leave') await letGo(parts, report.id, running, known)
  else await settleUp(parts, report, running, known, underWay)
  return { alive, lost, cancelRequested }
}

async function settleUp(
  parts: ComposedParts,
  report: WorkerReport,
  running: readonly JobRow[],
  known: ReadonlyMap<string, string>,
  underWay: ReadonlySet<string>,
): Promise<void> {
  const before = parts.now() - (report.claimGraceMs ?? OPERATION_DEADLINE_MS)
  const isUnknown = (row: JobRow): boolean =>
    known.get(row.id) !== row.token && !underWay.has(row.token ?? '') && (row.startedAt ?? 0) <= before
  const unknown = running.filter(isUnknown)
  await release(parts, unknown)
  const stored = new Map(running.map((row) => [row.id, row.token]))
  const ended = parts.book.dropEnded(report.id, stored, underWay)
  const kept = running.filter((row) => !unknown.includes(row))
  const tellBroker = async (): Promise<void> => {
    const [incarnation] = await Promise.all([
      parts.queues.incarnation(),
      parts.queues.extend(report.id, report.leaseMs, kept),
    ])
    parts.quiet.sawIncarnation(incarnation)
    await parts.slots.renew(report.id, report.leaseMs)
    await parts.slots.free(ended)
  }
  await quietly(parts, 'the broker’s leases were not extended; the storage still says who runs what', () =>
    parts.patience.wait(tellBroker, { what: 'extend', mostMs: report.leaseMs / 10 }),
  )
}

/** What it names was started and may have run, the rest was not. Its tokens end, as those of the dead. */
async function letGo(
  parts: ComposedParts,
  worker: string,
  running: readonly JobRow[],
  known: ReadonlyMap<string, string>,
): Promise<void> {
  const now = parts.now()
  const isStarted = (row: JobRow): boolean => known.get(row.id) === row.token
  await release(
    parts,
    running.filter((row) => !isStarted(row)).map((row) => ({ ...row, token: undefined })),
  )
  await takeBack(parts, running.filter(isStarted), (row) => abandoned(row, now))
  await parts.workers.leave(worker)
  await quietly(parts, 'a leaving worker’s type limits were not given back; they end with their leases', () =>
    parts.slots.leave(worker),
  )
  forget(parts, worker)
}

/** A worker that is no more settles nothing under its claims, and renews no keys: those end by themselves. */
function forget(parts: ComposedParts, worker: string): void {
  parts.book.drop(worker)
  parts.slots.drop(worker)
  void parts.open.end(worker)
}

/** Never started: back to pending, the attempt given back. */
async function release(parts: ComposedParts, rows: readonly JobRow[]): Promise<void> {
  const now = parts.now()
  await takeBack(parts, rows, (row) =>
    backToPending(row, now, { runAt: row.runAt, giveBack: true, takenBack: true }),
  )
}

/** So that a claim knows of paused types without asking. */
async function refreshPaused(parts: ComposedParts): Promise<void> {
  await quietly(parts, 'what types are paused was not read', async () => {
    await parts.types.list()
  })
}

async function runningOf(parts: ComposedParts, worker: string): Promise<JobRow[]> {
  const running: JobRow[] = []
  let after: string | null = null
  do {
    const page = await parts.jobs.page({ worker, state: 'running' }, PAGE, after)
    running.push(...page.rows.filter(isJobRow))
    after = page.next
  } while (after !== null)
  return running
}
