// Ours as a contender: the whole scheduler over an adapter package, as a user runs it (built, not the sources).
// ":plain" forces the composed store over the adapter's storage and broker; ":store" is the job store alone, in batches.
import { randomUUID } from 'node:crypto'

const built = (name) => import(new URL(`../packages/${name}/dist/index.js`, import.meta.url))
const retention = { completed: { count: 0 } } // as the peers are told: finished jobs are not kept

/** `open(conn, opts)` resolves to adapters. */
export function schedPeer(open) {
  let bench
  return {
    async setup({ conn, opts }) {
      const adapters = await open(conn, opts)
      bench = opts.store ? await storeAlone(adapters) : await wholeScheduler(adapters, opts)
    },
    enqueueBulk: (items) => bench.enqueueBulk(items),
    enqueueOne: (data) => bench.enqueueOne(data),
    process: (options) => bench.process(options),
    counts: () => bench.counts(),
    teardown: () => bench.teardown(),
  }
}

async function wholeScheduler(adapters, opts) {
  const { JobScheduler, defineJob } = await built('core')
  // the copy that core has loaded, as an application shares it
  const { z } = await import(new URL('../packages/core/node_modules/zod/index.js', import.meta.url))
  const make = (maxConcurrentJobs, handle) =>
    new JobScheduler({
      adapters,
      project: 'bench',
      environment: 'bench',
      maxConcurrentJobs,
      ...(opts.plain && { fuse: false }),
      jobs: [defineJob({ type: 'bench', schema: z.any(), retention, ...(handle && { handle }) })],
    })
  const producer = make(1)
  await producer.start() // ready before it is measured, as the peers are
  let worker
  return {
    enqueueBulk: (items) =>
      producer.enqueueMany(
        'bench',
        items.map(({ data, runAt }) => (runAt ? { payload: data, runAt } : { payload: data })),
      ),
    enqueueOne: (data) => producer.enqueue('bench', data),
    async process({ concurrency, onStart }) {
      worker = make(concurrency, (data) => onStart(data))
      await worker.start()
      return { stop: () => worker.stop() }
    },
    async counts() {
      const { pending, running } = await producer.getMetrics()
      return { pending: pending + running }
    },
    async teardown() {
      await worker?.stop()
      await producer.stop()
      await adapters.close()
    },
  }
}

async function storeAlone(adapters) {
  const { BACKEND } = await import(new URL('../packages/core/dist/adapter.js', import.meta.url))
  const store = adapters.broker[BACKEND].fuse({
    scope: 'sched:bench:bench',
    storage: adapters.storage,
    broker: adapters.broker,
  })
  await store.ready?.()
  const worker = `bench#${randomUUID()}`
  let serial = 0
  const prefix = randomUUID().slice(0, 24)
  const id = () => prefix + (serial++).toString(16).padStart(12, '0')
  const job = ({ data, runAt }) => ({
    id: id(),
    type: 'bench',
    payload: data,
    priority: 1,
    retention,
    ...(runAt && { runAt }),
  })
  let running = true
  let wake
  const loop = async (limit, onStart) => {
    const want = { worker, limit, types: [{ type: 'bench' }] }
    let outcomes = []
    while (running) {
      const { jobs } = await store.settle(outcomes, want)
      outcomes = jobs.map((claimed) => {
        onStart(claimed.payload)
        return { id: claimed.id, token: claimed.token, kind: 'complete' }
      })
      if (!jobs.length)
        await new Promise((resolve) => {
          wake = resolve
        })
    }
  }
  return {
    enqueueBulk: (items) => store.insert(items.map(job)),
    enqueueOne: (data) => store.insert([job({ data })]),
    async process({ concurrency, onStart }) {
      await store.heartbeat({ id: worker, leaseMs: 600_000, phase: 'join' }, [])
      await store.subscribe(['bench'], () => wake?.())
      void loop(Math.max(100, concurrency), onStart)
      return {
        stop: () => {
          running = false
        },
      }
    },
    async counts() {
      const { pending = 0, running: busy = 0 } = (await store.counts()).types.bench ?? {}
      return { pending: pending + busy }
    },
    teardown: () => adapters.close(),
  }
}
