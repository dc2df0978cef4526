/**
 * Count retention: of the kept records of a type and state the latest `count` stay; of the others only the ids stay known. One query, and one
 * write where it found something. Indexes: ended; _id.
 */
import { MAX_BATCH } from '@sched/core/adapter'
import { forgotten } from '../job-changes.ts'
import { dateOf } from '../job-codec.ts'
import { type JobDocument, STATE } from '../job-document.ts'
import { readSettings } from '../job-settings.ts'
import { find, type JobSpace, type Statement, update } from '../job-space.ts'
import type { Excess } from './job-settle.ts'

export async function trimEnded(space: JobSpace, { type, state, count }: Excess): Promise<void> {
  const { documents } = await find<Pick<JobDocument, '_id' | 'h' | 'f'>>(space, 'job trim', {
    filter: { q: type, s: STATE[state], f: { $gt: new Date(0) } },
    sort: { f: -1 },
    skip: count,
    projection: { h: 1, f: 1 },
    limit: MAX_BATCH,
    hint: 'ended',
  })
  if (documents.length === 0) return
  const statements = new Map<number, JobDocument['_id'][]>()
  for (const { _id, h } of documents) {
    const { rememberMs } = readSettings(h)
    const keys = statements.get(rememberMs)
    if (keys) keys.push(_id)
    else statements.set(rememberMs, [_id])
  }
  const updates: Statement[] = Array.from(statements, ([rememberMs, keys]) => ({
    q: { _id: { $in: keys }, s: STATE[state] },
    // from now on, which is no earlier than from its end
    u: forgotten(dateOf(space.clock.future() + rememberMs)),
    multi: true,
  }))
  await update(space, updates, { name: 'job trim', quick: true })
}
