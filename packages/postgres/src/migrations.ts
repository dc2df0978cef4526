/**
 * Numbered, append-only, one transaction each, under a transaction-scoped advisory lock that is taken before anything is created:
 * `create … if not exists` races, and a session's lock would leak behind a pooler.
 */
import { checkOptions, InvalidArgumentError, UnsupportedError } from '@sched/core/adapter'
import type { PoolClient } from 'pg'
import type { Database } from './database.ts'
import { codeOf } from './errors.ts'
import { checkIdentifier, type PostgresAdapterOptions } from './options.ts'
import adaptersSql from './sql/migrations/001-adapters.sql'
import jobsSql from './sql/migrations/002-jobs.sql'
import claimsSql from './sql/migrations/003-job-claims.sql'
import workersSql from './sql/migrations/004-job-workers.sql'
import { type SqlNames, tag, withNames } from './sql-names.ts'

/** In order; each is applied once, and none is ever changed. */
export const MIGRATIONS: readonly string[] = [adaptersSql, jobsSql, claimsSql, workersSql]

const TABLE = `create table if not exists @migrations (
  version int4 primary key,
  applied_at timestamptz not null default clock_timestamp()
)`

/**
 * The whole schema as SQL, for people who apply migrations by their own means and set `migrate: false`. `from`: the version that is
 * installed already (default 0: nothing is). Each migration is a transaction of its own. Throws INVALID_ARGUMENT for a bad identifier or version.
 */
export function migrationSql(
  options: Pick<PostgresAdapterOptions, 'schema' | 'tablePrefix'> & { readonly from?: number } = {},
): string {
  checkOptions(options, new Set(['schema', 'tablePrefix', 'from']), 'migrationSql()')
  const { schema = 'sched', tablePrefix = '', from = 0 } = options
  if (!Number.isSafeInteger(from) || from < 0 || from > MIGRATIONS.length) {
    throw new InvalidArgumentError(
      `migrationSql(): from must be a version from 0 to ${MIGRATIONS.length}, the one that is installed, not ${from}`,
    )
  }
  checkIdentifier(schema, 'schema')
  if (tablePrefix !== '') checkIdentifier(tablePrefix, 'tablePrefix')
  const names = { schema, tablePrefix }
  const head = `create schema if not exists "${schema}";\n${withNames(TABLE, names)};\n`
  const steps = MIGRATIONS.map((sql, i) => ({ version: i + 1, sql })).slice(from)
  return steps
    .map(({ version, sql }) => `begin;\n${lockSql(names)};\n${head}${applySql(names, version, sql)}commit;\n`)
    .join('\n')
}

/** Brings the tables to this version, or checks that they are. Throws UNSUPPORTED, UNAVAILABLE. */
export async function migrate(database: Database): Promise<void> {
  const { settings } = database
  const installed = await database.attempt('migrate', true, (client) => installedVersion(client, database))
  refuseNewer(installed, settings)
  if (installed === MIGRATIONS.length) return
  if (!settings.migrate) {
    throw new UnsupportedError(
      `schema ${settings.schema}: the tables are at version ${installed}, this release needs ${MIGRATIONS.length}: apply migrationSql({ from: ${installed} }), or leave migrate on`,
    )
  }
  for (let version = installed; version < MIGRATIONS.length; ) {
    version = await database.attempt('migrate', true, (client) => step(client, database))
    refuseNewer(version, settings)
  }
}

/** Applies the next migration, if there is one; resolves to the version after it. */
async function step(client: PoolClient, database: Database): Promise<number> {
  const { settings } = database
  await client.query('begin')
  try {
    await client.query(lockSql(settings))
    const { rows } = await client.query('select 1 from pg_namespace where nspname = $1', [settings.schema])
    if (rows.length === 0) await client.query(`create schema "${settings.schema}"`)
    await client.query(withNames(TABLE, settings))
    const installed = await installedVersion(client, database)
    const sql = MIGRATIONS[installed]
    if (sql !== undefined) await client.query(applySql(settings, installed + 1, sql))
    await client.query('commit')
    return sql === undefined ? installed : installed + 1
  } catch (error) {
    // the connection may be gone, and its transaction with it: what counts is the first error
    await client.query('rollback').catch(() => undefined)
    throw error
  }
}

async function installedVersion(client: PoolClient, database: Database): Promise<number> {
  try {
    const { rows } = await client.query<{ version: number | null }>(
      database.text('select max(version) as version from @migrations'),
    )
    return rows[0]?.version ?? 0
  } catch (error) {
    if (codeOf(error) === '42P01' || codeOf(error) === '3F000') return 0
    throw error
  }
}

function refuseNewer(installed: number, { schema }: SqlNames): void {
  if (installed <= MIGRATIONS.length) return
  throw new UnsupportedError(
    `schema ${schema}: the tables are at version ${installed}, newer than the ${MIGRATIONS.length} this release knows: upgrade @sched/postgres, or use another schema`,
  )
}

/** One a schema: installations under different prefixes race for the schema itself. */
function lockSql({ schema }: SqlNames): string {
  return `select pg_advisory_xact_lock(x'${tag({ schema, tablePrefix: '' })}'::bit(48)::bigint)`
}

function applySql(names: SqlNames, version: number, sql: string): string {
  return withNames(`${sql}\ninsert into @migrations (version) values (${version});\n`, names)
}
