import { execSync } from 'node:child_process'
const srv = () => { const o = execSync('redis-cli -p 7391 info cpu').toString(); return Number(/used_cpu_user:([\d.]+)/.exec(o)![1]) + Number(/used_cpu_sys:([\d.]+)/.exec(o)![1]) }
import { openJobStore } from '@sched/core/adapter'
import { redis } from './index.ts'

const a = redis('redis://127.0.0.1:7391', { prefix: 'bench' + process.pid })
const b = redis('redis://127.0.0.1:7391', { prefix: 'bench' + process.pid })
for (const mode of ['composed', 'fused']) {
  const adapters = mode === 'composed' ? { storage: a.storage, broker: b.broker, lock: a.lock } : a
  const { store, ready, description } = openJobStore({
    logger: { debug: console.log, info: console.log, warn: console.log, error: console.log },
    adapters,
    scope: mode,
    fuse: mode === 'fused',
  })
  await ready()
  console.log(description.store, description.tier)
  await store.heartbeat({ id: 'w', leaseMs: 60000, phase: 'join' }, [])
  const N = Number(process.argv[2] ?? 20000),
    B = 100
  let t = performance.now()
  for (let i = 0; i < N; i += B)
    await store.insert(
      Array.from({ length: B }, (_, k) => ({
        id: `j${i + k}`,
        type: 't',
        payload: { n: i, text: 'x'.repeat(80) },
        priority: 0,
      })),
    )
  console.log('insert/s', Math.round((N / (performance.now() - t)) * 1000))
  t = performance.now()
  const c0 = process.cpuUsage(); const s0 = srv()
  const want = { worker: 'w', limit: B, types: [{ type: 't' }] }
  let { jobs, nextDueInMs } = await store.settle([], want)
  if (!jobs.length) {
    console.log('EMPTY FIRST', nextDueInMs, (await store.counts()).types, await store.workers())
    jobs = (await store.settle([], want)).jobs
  }
  let done = 0
  while (jobs.length) {
    const r = await store.settle(
      jobs.map(({ id, token }) => ({ id, token, kind: 'complete' as const })),
      want,
    )
    done += jobs.length
    jobs = r.jobs
    if (!jobs.length) console.log('empty', r.nextDueInMs, done)
  }
  const c1 = process.cpuUsage(c0); console.log('cpu us/job: client', ((c1.user + c1.system) / N).toFixed(1), 'server', ((srv() - s0) * 1e6 / N).toFixed(1)); console.log('processed', done, 'per s', Math.round((N / (performance.now() - t)) * 1000))
  t = performance.now()
  await store.sweep({})
  console.log('sweep ms', Math.round(performance.now() - t))
  await store.close!()
}
await a.close()
await b.close()
