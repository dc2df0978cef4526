// Start or stop private redis, postgres and mongo servers for the benchmark.
//   node servers.mjs start [redis pg mongo]  -> free ports, data in a new temp folder, state in .servers.json
//                                               (default: all whose programs are installed)
//   node servers.mjs stop                    -> ends them by pid and removes the temp folder
// Redis: AOF on, fsync every second, no RDB snapshots, no automatic AOF rewrite (run.mjs rewrites
// the AOF after each flush instead, so that no rewrite fork lands inside a measurement).
// Postgres: default durability (fsync, synchronous_commit), shared_buffers 512MB.
// Mongo: one-member replica set, default durability (journal, w: majority), 1 GB cache, 1 GB oplog; $MONGOD, or mongod on PATH, or
// the one of the tests. What is missing is installed as for the tests (packages/test-services/provision.sh).
import { execFileSync, spawn } from 'node:child_process'
import fs from 'node:fs'
import net from 'node:net'
import os from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'

const STATE = new URL('.servers.json', import.meta.url)
const PGUSER = process.env.PG_OS_USER ?? 'postgres' // postgres refuses to run as root
const CACHE = path.join(
  process.env.XDG_CACHE_HOME ?? path.join(os.homedir(), '.cache'),
  'sched-test-services',
)
const asRoot = process.getuid() === 0

export const servers = () => JSON.parse(fs.readFileSync(STATE, 'utf8'))

const freePort = () =>
  new Promise((ok) => {
    const s = net.createServer().listen(0, '127.0.0.1', () => {
      const { port } = s.address()
      s.close(() => ok(port))
    })
  })
// Run a postgres program, as another user when we are root.
const pg = (cmd, args) => (asRoot ? ['runuser', ['-u', PGUSER, '--', cmd, ...args]] : [cmd, args])
const findBin = (name) => {
  const dirs = [
    ...process.env.PATH.split(':'),
    ...['17', '16', '15', '14'].map((v) => `/usr/lib/postgresql/${v}/bin`),
  ]
  return dirs.map((d) => path.join(d, name)).find((f) => fs.existsSync(f))
}
const PROVISIONED_MONGOD = path.join(CACHE, 'mongod-6.0.5/mongod')
const findMongod = () =>
  process.env.MONGOD ??
  findBin('mongod') ??
  (fs.existsSync(PROVISIONED_MONGOD) ? PROVISIONED_MONGOD : undefined)
function provision(names) {
  const script = fileURLToPath(new URL('../packages/test-services/provision.sh', import.meta.url))
  const missing = names
    .filter((name) => !kinds[name].found())
    .map((name) => (name === 'pg' ? 'postgres' : name))
  if (missing.length) execFileSync('bash', [script, ...missing], { stdio: ['ignore', 'inherit', 'inherit'] })
}
const daemon = (cmd, args) => {
  const p = spawn(cmd, args, { detached: true, stdio: 'ignore' })
  p.unref()
  return p.pid
}

const kinds = {
  redis: {
    found: () => findBin('redis-server'),
    async start(dir, port) {
      return daemon('redis-server', [
        '--port',
        port,
        '--bind',
        '127.0.0.1',
        '--dir',
        dir,
        '--save',
        '',
        '--appendonly',
        'yes',
        '--appendfsync',
        'everysec',
        '--auto-aof-rewrite-percentage',
        '0',
      ])
    },
  },
  pg: {
    found: () => findBin('initdb'),
    signal: 'SIGINT',
    async start(dir, port) {
      // SIGINT: "fast" shutdown
      if (asRoot) execFileSync('chown', [PGUSER, dir])
      execFileSync(
        ...pg(findBin('initdb'), ['-D', `${dir}/data`, '-U', 'bench', '-A', 'trust', '-E', 'UTF8']),
        { stdio: 'ignore', cwd: '/' },
      )
      execFileSync(
        ...pg(findBin('pg_ctl'), [
          '-D',
          `${dir}/data`,
          '-w',
          '-l',
          `${dir}/log`,
          '-o',
          `-p ${port} -c listen_addresses=127.0.0.1 -c unix_socket_directories=${dir} -c shared_buffers=512MB -c max_connections=100`,
          'start',
        ]),
        { stdio: 'ignore', cwd: '/' },
      )
      return Number(fs.readFileSync(`${dir}/data/postmaster.pid`, 'utf8').split('\n')[0])
    },
  },
  mongo: {
    found: findMongod,
    async start(dir, port) {
      return daemon(findMongod(), [
        '--dbpath',
        dir,
        '--port',
        port,
        '--bind_ip',
        '127.0.0.1',
        '--replSet',
        'rs0',
        '--wiredTigerCacheSizeGB',
        '1',
        '--oplogSize',
        '1024',
        '--nounixsocket',
        '--logpath',
        `${dir}/log`,
      ])
    },
    async ready(port) {
      const { MongoClient } = await import('mongodb')
      const admin = new MongoClient(`mongodb://127.0.0.1:${port}`, {
        directConnection: true,
        serverSelectionTimeoutMS: 30_000,
      }).db('admin')
      await admin.command({
        replSetInitiate: { _id: 'rs0', members: [{ _id: 0, host: `127.0.0.1:${port}` }] },
      })
      while (!(await admin.command({ hello: 1 })).isWritablePrimary)
        await new Promise((r) => setTimeout(r, 50))
      await admin.client.close()
    },
  },
}

export async function start(asked) {
  if (fs.existsSync(STATE)) stop() // left by a run that was killed
  const wanted = asked.length ? asked : Object.keys(kinds).filter((k) => kinds[k].found())
  provision(wanted)
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'sched-bench-'))
  fs.chmodSync(dir, 0o755)
  const state = { dir }
  for (const k of wanted) {
    const sub = path.join(dir, k)
    fs.mkdirSync(sub)
    const port = await freePort()
    Object.assign(state, { [`${k}Port`]: port, [`${k}Pid`]: await kinds[k].start(sub, port) })
    fs.writeFileSync(STATE, JSON.stringify(state, null, 2))
    await kinds[k].ready?.(port)
  }
}

export function stop() {
  if (!fs.existsSync(STATE)) return
  const s = servers()
  const pids = []
  for (const [k, { signal = 'SIGTERM' }] of Object.entries(kinds)) {
    const pid = s[`${k}Pid`]
    if (pid) {
      pids.push(pid)
      try {
        process.kill(pid, signal)
      } catch {
        /* already gone */
      }
    }
  }
  for (let i = 0; i < 200 && pids.some((p) => fs.existsSync(`/proc/${p}`)); i++) {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 100)
  }
  fs.rmSync(s.dir, { recursive: true, force: true })
  fs.rmSync(STATE)
}

if (process.argv[1] === new URL(import.meta.url).pathname) {
  const [, , cmd, ...rest] = process.argv
  if (cmd === 'start' && rest.every((k) => k in kinds)) await start(rest)
  else if (cmd === 'stop') stop()
  else console.log('usage: node servers.mjs start [redis pg mongo] | stop')
}
