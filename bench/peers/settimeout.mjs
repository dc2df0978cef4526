// Plain setTimeout: the ceiling for in-memory timers (workload "delayed").
export const server = 'memory'
let handle = () => {}
let pending = 0
export async function setup() {}
export async function enqueueBulk(items) {
  for (const { data, runAt } of items) {
    pending++
    setTimeout(() => {
      pending--
      handle(data)
    }, runAt - Date.now())
  }
}
export async function process({ onStart }) {
  handle = onStart
  return {}
}
export async function counts() {
  return { pending }
}
export async function teardown() {}
