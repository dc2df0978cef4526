/** Whether the role may do what the adapters do: a right that is missing would else show up only where it is needed, in somebody's log. */
import { UnsupportedError } from '@sched/core/adapter'
import type { Database } from './database.ts'
import { MIGRATIONS } from './migrations.ts'
import rightsSql from './sql/server/rights.sql'

const RIGHTS = { name: 'rights', sql: rightsSql, repeatable: true }
const MIGRATIONS_TABLE = 'migrations'
/** Its fences are skipped by name after a crash of the server; the other sequences need no right. */
const SEQUENCE_OF = 'leases'

/** Rejects with what is missing and the GRANTs to run. What is not installed yet is not looked at. Throws UNSUPPORTED, UNAVAILABLE. */
export async function checkRights(database: Database): Promise<void> {
  const { schema, tablePrefix } = database.settings
  const named = (name: string): string => `${tablePrefix}${name}`
  const missing = await database.run(RIGHTS, [
    schema,
    [MIGRATIONS_TABLE, ...created(/^create (?:unlogged )?table @(\w+)/gm)].map(named),
    [named(MIGRATIONS_TABLE)],
    created(/^create function @(\w+)/gm).map(named),
    named(SEQUENCE_OF),
  ])
  if (missing.length === 0) return
  const role = missing[0]?.[3]
  /** The rights that are missing, by kind and name. */
  const things = new Map<string, string[]>()
  for (const [kind, name, right] of missing) {
    const thing = `${kind} ${name}`
    things.set(thing, [...(things.get(thing) ?? []), right as string])
  }
  /** Things, by what is missing there. */
  const grants = new Map<string, string[]>()
  for (const [thing, rights] of things) {
    const [kind = ''] = thing.split(' ', 1)
    const grant = `grant ${rights.join(', ')} on ${kind}`
    grants.set(grant, [...(grants.get(grant) ?? []), thing.slice(kind.length + 1)])
  }
  const lacks = [...things].map(([thing, rights]) => `${rights.join(', ')} on ${thing}`)
  const runs = [...grants].map(([grant, names]) => `${grant} ${names.join(', ')} to ${role};`)
  throw new UnsupportedError(
    `the PostgreSQL role ${role} lacks rights that the adapters need: ${lacks.join('; ')}. Run as the owner: ${runs.join(' ')}`,
  )
}

function created(statement: RegExp): string[] {
  return MIGRATIONS.flatMap((sql) => Array.from(sql.matchAll(statement), ([, name]) => name as string))
}
