// A bare array queue: what no queue can beat. Handlers are called in a loop (making the payloads is part of every enqueue figure).
export const server = 'memory'
let jobs = []
let handle
export async function setup() {}
export async function enqueueBulk(items) {
  for (const { data } of items) jobs.push(data)
  if (handle) setImmediate(run)
}
export async function enqueueOne(data) {
  await enqueueBulk([{ data }])
}
export async function process({ onStart }) {
  handle = onStart
  setImmediate(run)
  return {
    stop: () => {
      handle = undefined
    },
  }
}
export async function counts() {
  return { pending: jobs.length }
}
export async function teardown() {}
function run() {
  const batch = jobs
  jobs = []
  for (const job of batch) handle?.(job)
}
