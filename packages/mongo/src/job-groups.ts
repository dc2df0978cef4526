/** Changes to many jobs, one command for each kind of change, so that the answer tells of each kind how many were changed. */
import type { Binary, Document } from 'mongodb'
import type { Change } from './job-changes.ts'
import type { JobSpace } from './job-space.ts'
import { update } from './job-space.ts'
import { Tally } from './job-tally.ts'

export interface ChangeItem {
  readonly key: Binary
  readonly type: number
  readonly change: Change
  /** What must still hold; the same for all of a kind. */
  readonly condition: Document
}

export interface ChangedKind {
  readonly change: Change
  readonly type: number
  readonly changed: number
}

/** One trip, and one more for a kind of which not all were still as they had been seen. */
export async function changeKinds(
  space: JobSpace,
  name: string,
  items: readonly ChangeItem[],
): Promise<readonly ChangedKind[]> {
  const kinds = new Map<string, ChangeItem[]>()
  for (const item of items) {
    const kind = `${item.type} ${item.change.kind}`
    const same = kinds.get(kind)
    if (same) same.push(item)
    else kinds.set(kind, [item])
  }
  return await Promise.all(Array.from(kinds.values(), (same) => changeKind(space, name, same)))
}

async function changeKind(space: JobSpace, name: string, items: readonly ChangeItem[]): Promise<ChangedKind> {
  const [{ change, condition, type }] = items as [ChangeItem]
  const counters = tally(items).statements(space)
  const q = { _id: { $in: items.map(({ key }) => key) }, ...condition }
  const { found } = await update(space, [{ q, u: change.update, multi: true }, ...counters], { name })
  const changed = found - counters.length
  const missed = tally(items.slice(changed), -1).statements(space)
  if (missed.length > 0) await update(space, missed, { name })
  return { change, type, changed }
}

function tally(items: readonly ChangeItem[], times = 1): Tally {
  const counts = new Tally()
  for (const { type, change } of items) counts.count(type, change, times)
  return counts
}
