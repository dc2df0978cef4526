import { execFile } from 'node:child_process'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import pg from 'pg'
import { findBinary, versionedFolders } from './binaries.ts'
import { startLocal } from './local-server.ts'
import type { Server } from './server.ts'

export interface PostgresOptions {
  /** Lines of postgresql.conf. The tests' default gives up safety against a machine's crash (not against a server's) for speed. */
  readonly settings?: Readonly<Record<string, string>>
  /** A port to insist on; default a free one. */
  readonly port?: number
}

const run = promisify(execFile)

/** `$0` is the data folder, `$1` initdb, `$2` its options; the rest runs the server, as the same process. */
const INITIALIZE_AND_RUN = `
  [ -e "$0/PG_VERSION" ] || "$1" -D "$0" -U postgres -A trust -E UTF8 --no-sync $2 || exit
  shift 2
  exec "$@"
`

/** PostgreSQL refuses to run as root; this is `nobody`. */
const NOBODY = 65534
const runAs = process.getuid?.() === 0 ? NOBODY : undefined

/** `initdb` of the newest PostgreSQL on this machine, if any. */
export function findPostgres(): string | undefined {
  return findBinary(
    ['initdb'],
    [
      ...versionedFolders('/usr/lib/postgresql'),
      ...versionedFolders('/opt/homebrew/opt').filter((folder) => folder.includes('/postgresql')),
      ...versionedFolders('/usr/local/opt').filter((folder) => folder.includes('/postgresql')),
    ],
  )
}

export function postgresArguments(port: number, options: PostgresOptions): string[] {
  const settings = {
    fsync: 'off',
    full_page_writes: 'off',
    max_connections: '300',
    shared_buffers: '64MB',
    // In the data folder, which goes away even after a kill.
    dynamic_shared_memory_type: 'mmap',
    port: String(port),
    ...options.settings,
  }
  return Object.entries(settings).flatMap(([key, value]) => ['-c', `${key}=${value}`])
}

export function postgresUrl(port: number): string {
  return `postgres://postgres@127.0.0.1:${port}/postgres`
}

export async function startLocalPostgres(initdb: string, options: PostgresOptions = {}): Promise<Server> {
  const locale = await localeOptions(initdb)
  return startLocal({
    name: 'postgres',
    port: options.port,
    runAs,
    command: ({ port, directory }) => [
      ...['/bin/sh', '-c', INITIALIZE_AND_RUN, dataFolder(directory), initdb, locale.join(' ')],
      ...[join(dirname(initdb), 'postgres'), '-D', dataFolder(directory), '-h', '127.0.0.1', '-k', ''],
      ...postgresArguments(port, options),
    ],
    url: ({ port }) => postgresUrl(port),
    probe: async ({ port, directory }) => {
      const { version, folder } = await ask(postgresUrl(port))
      if (folder !== dataFolder(directory)) throw new Error(`another server answers on port ${port}`)
      return version
    },
    shutdownSignal: 'SIGINT',
    // After a kill, until its last process has noticed.
    passing: /pre-existing shared memory block/,
    // SIGKILL would leave its processes and shared memory behind.
    endSignal: 'SIGQUIT',
  })
}

/** The version of the server at `url`; rejects when none answers. */
export async function probePostgres(url: string): Promise<string> {
  return (await ask(url)).version
}

/** A natural-language collation where this build has one, so that no test passes only because text sorts by bytes. */
async function localeOptions(initdb: string): Promise<string[]> {
  const { stdout } = await run(initdb, ['--help'])
  return stdout.includes('--icu-locale')
    ? ['--locale', 'C.UTF-8', '--locale-provider', 'icu', '--icu-locale', 'en-US']
    : ['--locale', 'C']
}

async function ask(url: string): Promise<{ version: string; folder: string }> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 5000 })
  client.on('error', () => {})
  try {
    await client.connect()
    const { rows } = await client.query<{ version: string; folder: string }>(
      `select current_setting('server_version') as version, current_setting('data_directory', true) as folder`,
    )
    const [row] = rows
    if (!row) throw new Error('no answer')
    return { version: row.version.split(' ')[0] ?? '', folder: row.folder }
  } finally {
    await client.end()
  }
}

function dataFolder(directory: string): string {
  return join(directory, 'data')
}
