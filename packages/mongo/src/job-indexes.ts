import type { Indexes } from './index-list.ts'

/** Jobs, workers, counters and limits, of all scopes: one collection, so that one command settles jobs and counts them. */
export const JOBS = 'job_store'
/** The numbers of scopes and types. */
export const JOB_NAMES = 'job_names'

/**
 * A job is in the index of its state alone, so a claim sees neither the future nor what runs. `q` and `s` lead each of them: counting
 * the jobs of a type in a state reads keys only. What is no job has no `s`, and is in none of them, but for
 * the paused types, which lie before what waits.
 */
export const JOB_INDEXES: Indexes = {
  [JOBS]: [
    { name: 'ready', key: { q: 1, s: 1, r: 1, d: 1 }, partialFilterExpression: { s: 0 } },
    { name: 'waiting', key: { q: 1, s: 1, d: 1 }, partialFilterExpression: { s: 1 } },
    { name: 'running', key: { q: 1, s: 1, w: 1 }, partialFilterExpression: { s: 2 } },
    // kept records by when they ended: count retention, and lists of what has ended
    { name: 'ended', key: { q: 1, s: 1, f: 1 }, partialFilterExpression: { f: { $exists: true } } },
    // pending jobs that end by themselves
    {
      name: 'expiring',
      key: { q: 1, e: 1 },
      partialFilterExpression: { e: { $exists: true }, s: { $lte: 1 } },
    },
    // records whose time is over while their ids stay known
    { name: 'aging', key: { q: 1, j: 1 }, partialFilterExpression: { j: { $exists: true } } },
    // only what has ended has an `x`
    {
      name: 'forget',
      key: { x: 1 },
      expireAfterSeconds: 0,
      partialFilterExpression: { x: { $exists: true } },
    },
  ],
  [JOB_NAMES]: [{ name: 'numbers', key: { n: 1 }, unique: true }],
}
