/**
 * SQL files name tables and functions of ours `@name` and indexes `#name`. Here they get the schema and the table prefix, both checked
 * as identifiers before. No other text is ever put into SQL.
 */
import { createHash } from 'node:crypto'

export interface SqlNames {
  readonly schema: string
  readonly tablePrefix: string
}

export function withNames(sql: string, { schema, tablePrefix }: SqlNames): string {
  return sql
    .replace(/@([a-z_]+)/g, (_, name: string) => `"${schema}"."${tablePrefix}${name}"`)
    .replace(/#([a-z_]+)/g, (_, name: string) => `"${tablePrefix}${name}"`)
}

/** Short, the same in every process that shares the tables, and different for others: for channels and prepared statements. */
export function tag(names: SqlNames): string {
  return createHash('sha256').update(`${names.schema}.${names.tablePrefix}`).digest('hex').slice(0, 12)
}
