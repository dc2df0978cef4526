// toad-scheduler (workload "delayed"). It has interval jobs only; a one-shot is an interval job that
// stops itself on its first run.
import { SimpleIntervalJob, Task, ToadScheduler } from 'toad-scheduler'
export const server = 'memory'
const scheduler = new ToadScheduler()
let handle = () => {}
let pending = 0
export async function setup() {}
export async function enqueueBulk(items) {
  for (const { data, runAt } of items) {
    pending++
    const id = `j${data.i}`
    const task = new Task(id, () => {
      scheduler.removeById(id)
      pending--
      handle(data)
    })
    scheduler.addSimpleIntervalJob(
      new SimpleIntervalJob({ milliseconds: Math.max(1, runAt - Date.now()) }, task, { id }),
    )
  }
}
export async function process({ onStart }) {
  handle = onStart
  return {}
}
export async function counts() {
  return { pending }
}
export async function teardown() {
  scheduler.stop()
}
