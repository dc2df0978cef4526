// croner one-shot jobs (workload "delayed"). It rounds dates to whole seconds.
import { Cron } from 'croner'
export const server = 'memory'
let handle = () => {}
let pending = 0
export async function setup() {}
export async function enqueueBulk(items) {
  for (const { data, runAt } of items) {
    pending++
    new Cron(new Date(runAt), () => {
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
