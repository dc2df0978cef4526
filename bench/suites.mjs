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
const backlog = (n, extra) => ({
  name: 'backlog',
  kind: 'backlog',
  title: `Process the first ${thousands(n)} of ${thousands(n)} waiting jobs`,
  options: { n, backlog: n, concurrency: 100 },
  quick: { n: n / 10, backlog: n / 10 },
  metrics: ['rate'],
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

// What is enqueued one after another takes some seconds, so that a rate is not that of code which is still being compiled.
const enqueueAndProcess = (sizes) => [
  bulk(sizes.bulk),
  single(sizes.single, 100),
  single(sizes.sequential, 1),
  processing(sizes.process, 1),
  processing(sizes.process, 10),
  processing(sizes.process, 100),
  through(sizes.process, { peers: [], raw: [] }),
]

/** A million jobs take pg-boss minutes. */
const withoutBoss = { peers: ['graphile-worker'], raw: [] }
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
      ...enqueueAndProcess({ bulk: 100_000, single: 20_000, sequential: 20_000, process: 50_000 }),
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
    note: 'PostgreSQL with fsync and synchronous_commit on; batches of at most 500 claims',
    workloads: [
      ...enqueueAndProcess({ bulk: 100_000, single: 20_000, sequential: 5000, process: 50_000 }),
      bulk(200_000, {
        name: 'bulk-20000',
        title: 'Enqueue 200,000 jobs in bulk, 20,000 a call',
        options: { n: 200_000, batch: 20_000 },
        quick: { n: 40_000 },
      }),
      latency(),
      delayed(5000, { raw: [] }),
      idle({ raw: [] }),
      backlog(100_000, withoutBoss),
      backlog(100_000, {
        ...withoutBoss,
        name: 'backlog-1m',
        title: 'Process the first 100,000 of 1,000,000 waiting jobs',
        options: { n: 100_000, backlog: 1_000_000, concurrency: 100 },
        quick: { n: 10_000, backlog: 100_000 },
        target: '≥ 80 % of the rate with 100,000 waiting',
      }),
      backlog(100_000, {
        ...withoutBoss,
        name: 'future-1m',
        title: 'Process 100,000 waiting jobs while 1,000,000 more are not due',
        options: { n: 100_000, backlog: 100_000, future: 1_000_000, concurrency: 100 },
        quick: { n: 10_000, backlog: 10_000, future: 100_000 },
        target: '≥ 80 % of the rate with 100,000 waiting',
      }),
      backlog(100_000, {
        ...withoutBoss,
        name: 'snapshot',
        title: 'Process 100,000 waiting jobs while an old transaction is open',
        options: { n: 100_000, backlog: 100_000, snapshot: 1, concurrency: 100 },
        quick: { n: 20_000, backlog: 20_000 },
        target: '≥ 50 % of the rate with 100,000 waiting',
      }),
    ],
  },
  mongo: {
    servers: ['mongo'],
    ours: ['sched-mongo'],
    raw: ['raw-mongo'],
    peers: ['agenda-mongo', 'agenda-mongo:stream', 'pulse'],
    slow: ['agenda-mongo', 'pulse'],
    note:
      'one-member replica set; majority writes, but for our claims, which the primary alone acknowledges · ' +
      'peers that do under 2,000 jobs a second get fewer jobs',
    workloads: [
      bulk(50_000, {
        peers: ['agenda-mongo', 'pulse'],
        target: '≥ 15 × Agenda and ≥ 0.5 × the bare driver; ≤ 0.8 × Agenda’s bytes a job',
      }),
      single(3000, 100, { peers: ['agenda-mongo', 'pulse'], target: '≥ 8 × Agenda' }),
      single(5000, 1, { peers: ['agenda-mongo', 'pulse'], target: '≥ 1 × Agenda' }),
      ...[1, 10, 100].map((concurrency) =>
        processing(50_000, concurrency, {
          // one lane that settles beside its next claim, as ours does, in batches like ours: one keeps each id known for a minute, as ours
          // must (a job sent again is no second job), the other forgets it; and four lanes that settle before they claim
          raw: [
            'raw-mongo:batch=400+beside+mode=remember',
            'raw-mongo:batch=400+beside',
            'raw-mongo:batch=100+conns=4',
          ],
          peers: ['agenda-mongo', 'pulse'],
          target:
            '≥ 10 × the better peer, ≥ 0.6 × the bare driver that settles beside the claim and remembers ids',
        }),
      ),
      through(20_000, { peers: [], raw: [] }),
      latency({
        raw: ['raw-mongo:wake'],
        target: 'p50 and p99 ≤ 0.6 × Agenda with its change stream; p50 ≤ 6 ms, p99 ≤ 16 ms',
      }),
      delayed(5000, { raw: [], peers: ['agenda-mongo:stream', 'pulse'] }),
      idle({ raw: [] }),
    ],
  },
  hybrid: {
    servers: ['redis', 'pg', 'mongo'],
    // five contenders of everything: two rounds take some eight minutes
    rounds: 2,
    ours: ['sched-hybrid:storage=postgres'],
    raw: ['sched-redis', 'sched-postgres', 'sched-hybrid:storage=mongo', 'sched-mongo'],
    peers: [],
    note: 'Redis as broker and lock; beside it each side alone',
    workloads: [
      bulk(50_000),
      single(3000, 100),
      processing(20_000, 10),
      processing(20_000, 100),
      latency({ options: { n: 250 } }),
    ],
  },
}
