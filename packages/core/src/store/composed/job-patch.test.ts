import { expect, test } from 'vitest'
import type { PatchItem } from '../../contracts/storage-engine.ts'
import { claimPatch, sentPatch, settlePatch } from './job-patch.ts'
import { type JobRow, newRow } from './job-row.ts'
import { JOB_PACKING } from './job-table.ts'
import { backToPending, cancelAsked, claimed, finished, sent } from './transitions.ts'

type Fields = Readonly<Record<string, unknown>>

/** What the patch makes of the stored record; undefined: refused. */
function patched(row: JobRow, { where, set, count, revTo }: PatchItem): unknown {
  const record = JOB_PACKING.pack(row) as Fields
  if (Object.keys(where).some((field) => record[field] !== where[field])) return undefined
  const rev = row.rev + 1
  const next = {
    ...record,
    ...set,
    rev,
    ...(count && { [count]: ((record[count] as number | undefined) ?? 0) + 1 }),
    ...(revTo && { [revTo]: rev }),
  }
  return Object.fromEntries(Object.entries(next).filter(([, value]) => value !== undefined))
}

const stored = (row: unknown): unknown => JOB_PACKING.pack(row as JobRow)

const job = { id: 'a', type: 'mail', payload: { to: 'x' }, priority: 0 }
const pending = newRow(job, 1_000, 7_000)
const claimer = { worker: 'w', token: 't@w', receipt: 'r', now: 2_000 }
const leased = { id: 'a', type: 'mail', receipt: 'r' }
const running = claimed(pending, claimer)

test('a claim leaves the record as the transition does', () => {
  expect(patched(pending, claimPatch(leased, claimer, true))).toEqual(stored(running))
  const retried = backToPending(running, 3_000, { runAt: 3_000 }) as JobRow
  expect(patched(retried, claimPatch(leased, claimer, true))).toEqual(stored(claimed(retried, claimer)))
})

test('what must be judged is not claimed unread', () => {
  const waits = newRow({ ...job, delayMs: 50 }, 1_000, 7_000)
  const expires = newRow({ ...job, expiresInMs: 50 }, 1_000, 7_000)
  const ended = finished(running, 'failed', 3_000, { reason: 'error' }) as JobRow
  const another = { ...pending, type: 'other' }
  for (const row of [waits, expires, running, ended, another])
    expect(patched(row, claimPatch(leased, claimer, true))).toBeUndefined()
})

test('a job that runs at most once is not claimed so that it may be forgotten', () => {
  const once = newRow({ ...job, delivery: 'at-most-once' }, 1_000, 7_000)
  expect(patched(once, claimPatch(leased, claimer, false))).toBeUndefined()
  expect(patched(once, claimPatch(leased, claimer, true))).toEqual(stored(claimed(once, claimer)))
  expect(patched(pending, claimPatch(leased, claimer, false))).toEqual(stored(running))
})

test('a settle leaves the record as the transition does, whatever else happened to the running job', () => {
  const ends = [
    finished(running, 'completed', 3_000, { result: { n: 1 } }) as JobRow,
    finished({ ...running, failures: 1 }, 'failed', 3_000, { error: { name: 'E', message: 'm' } }) as JobRow,
    backToPending({ ...running, failures: 1 }, 3_000, { runAt: 9_000, waits: true }) as JobRow,
    backToPending(running, 3_000, { runAt: 1_000, giveBack: true }) as JobRow,
  ]
  for (const after of ends) expect(patched(running, settlePatch(running, after))).toEqual(stored(after))
  const asked = cancelAsked(running, 'no more')
  const completed = finished(running, 'completed', 3_000) as JobRow
  expect(patched(asked, settlePatch(running, completed))).toEqual(stored(finished(asked, 'completed', 3_000)))
})

test('a settle is refused under another token, and when it would run a job again whose cancellation was asked for', () => {
  const completed = finished(running, 'completed', 3_000) as JobRow
  expect(patched({ ...running, token: 'other@v' }, settlePatch(running, completed))).toBeUndefined()
  expect(patched(completed, settlePatch(running, completed))).toBeUndefined()
  const again = backToPending(running, 3_000, { runAt: 3_000 }) as JobRow
  expect(patched(cancelAsked(running, undefined), settlePatch(running, again))).toBeUndefined()
})

test('a mark is refused once anything changed', () => {
  expect(patched(pending, sentPatch(pending))).toEqual(stored(sent(pending)))
  expect(patched(running, sentPatch(pending))).toBeUndefined()
})
