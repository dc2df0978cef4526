// What each suite measures: ours, the bare driver, the peers, and the workloads with their sizes.
// Figures behind `target` are what the suite is expected to reach; they are printed, never asserted.

const quickly = (n) => ({ n })

const bulk = (n, extra) => ({
  name: 'bulk',
  kind: 'bulk',
  slow: { n: 5000 },
  title: `Enqueue ${thousands(n)} jobs in bulk`,
  options: { n },
  quick: quickly(n / 10),
  metrics: ['rate', 'bytesPerJob'],
  ...extra,
})
const single = (n, inflight, extra) => ({
  name: inflight === 1 ? 'single-1' : `single-${inflight}`,
  kind: 'single',
  title:
    inflight === 1
      ? `Enqueue ${thousands(n)} jobs one after another`
      : `Enqueue ${thousands(n)} jobs singly, ${inflight} in flight`,
  options: { n, inflight },
  quick: quickly(n / 10),
  metrics: ['rate', 'p99'],
  ...extra,
})
const processing = (n, concurrency, extra) => ({
  name: `process-${concurrency}`,
  kind: 'process',
  slow: { n: 1000, max: 40 },
  title: `Process ${thousands(n)} no-op jobs, maxConcurrentJobs ${concurrency}`,
  options: { n, concurrency },
  quick: quickly(n / 10),
  metrics: ['rate', 'workerCpuUs', 'workerRssMB'],
  ...extra,
})
const through = (n, extra) => ({
  name: 'through',
  kind: 'through',
  title: `Enqueue in batches of 1,000 and process ${thousands(n)} no-op jobs, both at once`,
  options: { n, concurrency: 100 },
  quick: quickly(n / 10),
  metrics: ['rate', 'workerRssMB'],
  ...extra,
})
const latency = (extra) => ({
  name: 'latency',
  kind: 'latency',
  title: 'Pick-up at idle, 50 jobs a second',
  options: { n: 500 },
  quick: quickly(100),
  metrics: ['p50', 'p99'],
  ...extra,
})
const delayed = (n, extra) => ({
  name: 'delayed',
  kind: 'delayed',
  title: `${thousands(n)} delayed jobs due in one instant: lateness`,
  options: { n, delay: 5000 },
  quick: quickly(n / 10),
  metrics: ['p50', 'p99', 'max'],
  ...extra,
})
const held = (n, extra) => ({
  name: 'held',
  kind: 'held',
  title: `Hold ${thousands(n)} delayed jobs: bytes of memory each, payload not counted`,
  options: { n },
  quick: quickly(n / 10),
  metrics: ['bytesPerJob'],
  ...extra,
})
const idle = (extra) => ({
  name: 'idle',
  kind: 'idle',
  title: 'An idle worker',
  options: { seconds: 30 },
  quick: { seconds: 8 },
  metrics: ['callsPerSec', 'workerCpuPct', 'serverCpuPct'],
  ...extra,
})

function thousands(n) {
  return n.toLocaleString('en-US')
}

const enqueueAndProcess = (sizes) => [
  bulk(sizes.bulk),
  single(sizes.single, 100),
  single(sizes.sequential, 1),
  processing(sizes.process, 1),
  processing(sizes.process, 10),
  processing(sizes.process, 100),
  through(sizes.process, { peers: [], raw: [] }),
]

const inMemory = { peers: ['fastq', 'fastq:promise', 'p-queue'] }

export const SUITES = {
  memory: {
    servers: [],
    ours: ['sched-memory'],
    raw: ['array'],
    peers: ['fastq', 'fastq:promise', 'p-queue', 'settimeout', 'toad-scheduler'],
    note: 'payload 100 bytes of JSON; ours checks and copies it, the others keep a reference',
    workloads: [
      bulk(200_000, { ...inMemory, ours: ['sched-memory', 'sched-memory:store'], metrics: ['rate'] }),
      processing(200_000, 1, inMemory),
      processing(200_000, 10, inMemory),
      processing(200_000, 100, { ...inMemory, ours: ['sched-memory', 'sched-memory:store'] }),
      through(1_000_000, {
        ...inMemory,
        ours: ['sched-memory', 'sched-memory:store'],
        target: '≥ 500,000 jobs/s',
      }),
      delayed(100_000, {
        options: { n: 100_000, delay: 8000 },
        peers: ['settimeout', 'toad-scheduler'],
        raw: [],
      }),
      held(1_000_000, { peers: ['settimeout'], raw: ['array'], target: '≤ 300 bytes a job' }),
      idle({ peers: [], raw: [] }),
    ],
  },
  redis: {
    servers: ['redis'],
    ours: ['sched-redis'],
    raw: ['raw-redis:multi+eval'],
    peers: ['bullmq'],
    note: 'Redis with appendfsync everysec; completed jobs are not kept',
    workloads: [
      ...enqueueAndProcess({ bulk: 100_000, single: 20_000, sequential: 2000, process: 50_000 }),
      latency(),
      delayed(5000, { raw: [] }),
      idle({ raw: [] }),
    ],
  },
  postgres: {
    servers: ['pg'],
    ours: ['sched-postgres'],
    raw: ['raw-pg:batch=100+conns=4'],
    peers: ['graphile-worker', 'pg-boss'],
    note: 'PostgreSQL with fsync and synchronous_commit on',
    workloads: [
      ...enqueueAndProcess({ bulk: 100_000, single: 20_000, sequential: 2000, process: 50_000 }),
      latency(),
      delayed(5000, { raw: [] }),
      idle({ raw: [] }),
    ],
  },
  mongo: {
    servers: ['mongo'],
    ours: ['sched-mongo'],
    raw: ['raw-mongo:batch=100+conns=4'],
    peers: ['agenda-mongo', 'agenda-mongo:stream', 'pulse'],
    slow: ['agenda-mongo', 'pulse'],
    note: 'one-member replica set, majority writes; peers that do under 2,000 jobs a second get fewer jobs',
    workloads: [
      ...enqueueAndProcess({ bulk: 50_000, single: 3000, sequential: 1000, process: 20_000 }),
      latency({ options: { n: 200 } }),
      idle({ raw: [] }),
    ],
  },
  hybrid: {
    servers: ['redis', 'pg', 'mongo'],
    ours: ['sched-hybrid:storage=postgres'],
    raw: ['sched-redis', 'sched-postgres', 'sched-hybrid:storage=mongo', 'sched-mongo'],
    peers: [],
    note: 'Redis as broker and lock; beside it each side alone',
    workloads: [bulk(50_000), single(3000, 100), processing(20_000, 10), processing(20_000, 100), latency()],
  },
}
