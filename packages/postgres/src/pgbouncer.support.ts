/** PgBouncer in transaction mode in front of a PostgreSQL, ended with the process that started it. */
import { type ChildProcess, spawn } from 'node:child_process'
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { provisionPgBouncer } from '@sched/test-services'
import pg from 'pg'

const NOBODY = 65534
const isRoot = process.getuid?.() === 0

export interface Pooler {
  readonly url: string
  stop(): Promise<void>
}

/** Throws, with what to install, when this machine has no PgBouncer and it cannot be installed. */
export async function startPgBouncer(upstream: string): Promise<Pooler> {
  const program = await provisionPgBouncer()
  const { hostname, port: serverPort, pathname, username } = new URL(upstream)
  const directory = await mkdtemp(join(tmpdir(), 'sched-pgbouncer-'))
  await chmod(directory, 0o755)
  const port = await freePort()
  const config = join(directory, 'pgbouncer.ini')
  await writeFile(
    config,
    `[databases]
* = host=${hostname} port=${serverPort} user=${username}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
max_client_conn = 200
default_pool_size = 4
server_reset_query_always = 0
`,
  )
  // the shell ends it when this process is gone, however that came about
  const shell = spawn(
    '/bin/sh',
    ['-c', '"$0" "$1" & child=$!; read _; kill $child; wait $child', program, config],
    {
      stdio: ['pipe', 'ignore', 'ignore'],
      cwd: directory,
      ...(isRoot && { uid: NOBODY, gid: NOBODY }),
    },
  )
  const url = `postgres://${username}@127.0.0.1:${port}${pathname}`
  const stop = async (): Promise<void> => {
    await ended(shell)
    await rm(directory, { recursive: true, force: true })
  }
  try {
    await untilAnswers(url)
  } catch (error) {
    await stop()
    throw error
  }
  return { url, stop }
}

async function ended(shell: ChildProcess): Promise<void> {
  if (shell.exitCode !== null) return
  const exit = new Promise<void>((resolve) => {
    shell.once('exit', () => resolve())
  })
  shell.stdin?.end()
  await exit
}

async function untilAnswers(url: string): Promise<void> {
  const end = performance.now() + 10_000
  for (;;) {
    const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 1_000 })
    client.on('error', () => undefined)
    try {
      await client.connect()
      await client.query('select 1')
      await client.end()
      return
    } catch (error) {
      if (performance.now() > end) throw error
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
  }
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      server.close(() => (address !== null && typeof address === 'object' ? resolve(address.port) : reject()))
    })
  })
}
