/** Walks the jobs of a store in the order of their keys: one that matches during the whole walk comes exactly once. */
import {
  InvalidArgumentError,
  type JobPage,
  type JobQuery,
  type JobRecord,
  type JobState,
} from '@sched/core/adapter'
import type { Parameter, Row, Statement } from './database.ts'
import { readRecord } from './job-codec.ts'
import viewSql from './sql/jobs/view.sql'

type Run = (statement: Statement, parameters: readonly Parameter[]) => Promise<readonly Row[]>

const LETTERS: Readonly<Record<JobState, string>> = {
  pending: 'p',
  running: 'r',
  completed: 'c',
  failed: 'f',
  cancelled: 'x',
}

export async function listJobs(
  run: Run,
  query: JobQuery,
  { limit, states }: { readonly limit: number; readonly states: readonly JobState[] },
): Promise<JobPage> {
  const parameters: Parameter[] = []
  let where = ''
  const add = (condition: (name: string) => string, value: Parameter): void => {
    parameters.push(value)
    // after prefix and scope
    where += ` and ${condition(`$${parameters.length + 2}`)}`
  }
  if (query.after !== undefined) add((name) => `j.id > ${name}::uuid`, checkedAfter(query.after))
  if (query.type !== undefined) add((name) => `t.name = ${name}`, query.type)
  if (query.entityId !== undefined)
    add((name) => `j.extra ? 'e' and j.extra ->> 'e' = ${name}`, query.entityId)
  if (query.schedule !== undefined)
    add((name) => `j.extra ? 's' and j.extra ->> 's' = ${name}`, query.schedule)
  add(
    (name) =>
      `case when e.id is not null then e.state::text when l.fence is not null then 'r' else 'p' end = any (${name}::text[])`,
    states.map((state) => LETTERS[state]),
  )
  // one more than asked for tells whether there is more
  add((name) => `true order by j.id limit ${name}::int4`, limit === 0 ? 0 : limit + 1)
  const rows = await run(
    { name: 'jobs list', sql: viewSql + where, repeatable: true, fixed: false },
    parameters,
  )
  const page = rows.slice(0, limit)
  const last = page.at(-1)?.[0]
  const jobs: JobRecord[] = page.map(readRecord)
  return { jobs, after: rows.length > limit && last ? last : null }
}

function checkedAfter(after: string): string {
  if (/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(after)) return after
  throw new InvalidArgumentError('after must be what the page before gave as `after`')
}
