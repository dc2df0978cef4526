// node-schedule one-shot jobs (workload "delayed").
import schedule from 'node-schedule'
export const server = 'memory'
let handle = () => {}
let pending = 0
export async function setup() {}
export async function enqueueBulk(items) {
  for (const { data, runAt } of items) {
    pending++
    schedule.scheduleJob(new Date(runAt), () => {
      pending--
      handle(data)
    })
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
