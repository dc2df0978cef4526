// p-queue in memory.
import PQueue from 'p-queue'
export const server = 'memory'
const q = new PQueue({ autoStart: false })
let handle = () => {}
export async function setup() {}
export async function enqueueBulk(items) {
  for (const { data } of items)
    q.add(async () => {
      handle(data)
    })
}
export const enqueueOne = async (data) => {
  q.add(async () => {
    handle(data)
  })
}
export async function process({ concurrency, onStart }) {
  handle = onStart
  q.concurrency = concurrency
  setImmediate(() => q.start())
  return { stop: () => q.clear() }
}
export async function counts() {
  return { pending: q.size + q.pending }
}
export async function teardown() {}
