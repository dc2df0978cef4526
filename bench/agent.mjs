// One benchmark process. run.mjs forks it and sends commands over IPC; it loads one contender from peers/.
// Roles: "producer" enqueues and counts; "worker" runs handlers (in memory one process plays both).
const [, , peer, optsJson, connJson, role] = process.argv
const adapter = await import(`./peers/${peer}.mjs`)
const opts = JSON.parse(optsJson)

// CLOCK_MONOTONIC in ms, comparable between processes of one machine. performance.now() is not: beside it, it drifts by a tenth of a
// millisecond a second and more.
const now = () => {
  const [seconds, nanoseconds] = process.hrtime()
  return seconds * 1e3 + nanoseconds / 1e6
}

// A payload whose JSON is 100 bytes. i: job number, t: when enqueued, d: due time (delayed jobs).
const make = (i, d) => {
  const data = { i, t: Math.round(now() * 1000) / 1000, ...(d && { d }), p: '' }
  data.p = 'x'.repeat(Math.max(0, 100 - JSON.stringify(data).length))
  return data
}
const makeItems = (from, to, due) =>
  Array.from({ length: to - from }, (_, k) => ({ data: make(from + k, due), runAt: due }))

let seen = new Uint8Array(0)
let handled = 0
let dups = 0
let first = 0
let last = 0
let nth = 0
let stopAt = 0
const lat = []
const late = []
let wanted = {}
let rssMax = 0
let cpu0
let worker
function onStart(data) {
  const t = now()
  if (handled === 0) first = t
  last = t
  if (seen[data.i]) dups++
  else seen[data.i] = 1
  if (++handled === stopAt) nth = t
  if (wanted.latency) lat.push(t - data.t)
  if (data.d) late.push(Date.now() - data.d)
}
// Resident size of this process in MB (also tracks the maximum).
const rss = () => {
  const r = process.memoryUsage.rss() / 2 ** 20
  rssMax = Math.max(rssMax, r)
  return r
}
const cpuMs = () => {
  const { user, system } = process.cpuUsage(cpu0)
  return (user + system) / 1000
}
// Bytes this process holds on to, buffers included.
async function heldBytes() {
  for (let i = 0; i < 3; i++) {
    globalThis.gc()
    await new Promise((resolve) => setImmediate(resolve))
  }
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}

const commands = {
  async setup() {
    await adapter.setup({ conn: JSON.parse(connJson), opts, role })
    return { rss: rss() }
  },
  // n jobs from number `from`, in bulk calls of `batch`; `ready`: payloads are made before the clock starts.
  async bulk({ from = 0, n, batch = 1000, due, ready = false }) {
    const range = (i) => [i, Math.min(i + batch, from + n), due]
    const made = []
    if (ready) for (let i = from; i < from + n; i += batch) made.push(makeItems(...range(i)))
    const t0 = now()
    for (let i = from; i < from + n; i += batch) {
      const items = made[(i - from) / batch] ?? makeItems(...range(i))
      made[(i - from) / batch] = undefined // what was handed over is not the harness's to keep
      await adapter.enqueueBulk(items)
    }
    return { ms: now() - t0, t0, rss: rss() }
  },
  // As bulk, by the quickest way that the contender has: before something is measured, not to be measured.
  async fill({ from = 0, n, due, ...bulk }) {
    if (!adapter.fill) return commands.bulk({ from, n, due, ...bulk })
    const [first] = makeItems(from, from + 1, due)
    // as `make` does, with a place for the number
    const payload = JSON.stringify({
      i: '%s',
      t: first.data.t,
      ...(due && { d: due }),
      p: first.data.p,
    }).replace('"%s"', '%s')
    await adapter.fill({ from, n, due, payload, first })
    return {}
  },
  // n awaited single enqueues with `inflight` of them under way at once.
  async single({ from = 0, n, inflight }) {
    let next = from
    const times = []
    const t0 = now()
    const lane = async () => {
      while (next < from + n) {
        const s = now()
        await adapter.enqueueOne(make(next++))
        times.push(now() - s)
      }
    }
    await Promise.all(Array.from({ length: inflight }, lane))
    return { ms: now() - t0, times }
  },
  // One job every `everyMs`.
  async paced({ n, everyMs }) {
    const t0 = now()
    const pending = []
    for (let i = 0; i < n; i++) {
      const wait = t0 + i * everyMs - now()
      if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait))
      pending.push(adapter.enqueueOne(make(i)))
    }
    await Promise.all(pending)
  },
  // Memory of n delayed jobs, and of their n payloads alone.
  async hold({ n, batch = 1000 }) {
    const due = Date.now() + 3_600_000
    await adapter.enqueueBulk(makeItems(0, batch, due)) // code and first growth are not the jobs'
    const empty = await heldBytes()
    let payloads = Array.from({ length: n }, (_, i) => make(i, due))
    const payloadBytes = ((await heldBytes()) - empty) / n - 8 // the slot in the array is not the payload's
    payloads = undefined
    const before = await heldBytes()
    for (let i = batch; i < n + batch; i += batch)
      await adapter.enqueueBulk(makeItems(i, Math.min(i + batch, n + batch), due))
    return { payloadBytes: payloadBytes, bytes: ((await heldBytes()) - before) / n, payloads }
  },
  async work({ n, concurrency, want = {}, stopAfter = 0 }) {
    seen = new Uint8Array(n)
    wanted = want
    stopAt = stopAfter
    cpu0 = process.cpuUsage()
    const t0 = now()
    worker = await adapter.process({ n, concurrency, onStart })
    return { t0 }
  },
  progress: () => ({ handled, nth, rss: rss() }),
  cpu: () => ({ cpuMs: cpuMs() }),
  counts: () => adapter.counts(),
  result: () => ({
    handled,
    dups,
    first,
    last,
    nth,
    lat,
    late,
    rss: rss(),
    rssMax,
    cpuMs: cpuMs(),
    seen: Buffer.from(seen).toString('latin1'),
  }),
  async stop() {
    await worker?.stop?.()
    await adapter.teardown()
  },
}

process.on('message', async ({ id, cmd, args }) => {
  try {
    process.send({ id, ok: await commands[cmd](args ?? {}) })
  } catch (error) {
    process.send({ id, err: error.stack })
  }
})
process.on('unhandledRejection', (error) => console.error('unhandledRejection', error))
