// fastq in memory. Callback API with an asynchronous (setImmediate) completion; ":promise" is its promise API.
import fastq from 'fastq'
export const server = 'memory'
let q
let handle = () => {}
export async function setup({ opts }) {
  q = opts.promise
    ? fastq.promise(async (data) => {
        handle(data)
      }, 1)
    : fastq((data, cb) => {
        handle(data)
        setImmediate(cb, null)
      }, 1)
  q.pause()
}
export async function enqueueBulk(items) {
  for (const { data } of items) q.push(data, () => {})
}
export const enqueueOne = async (data) => {
  q.push(data, () => {})
}
export async function process({ concurrency, onStart }) {
  handle = onStart
  q.concurrency = concurrency
  setImmediate(() => q.resume())
  return { stop: () => q.kill() }
}
export async function counts() {
  return { pending: q.length() + q.running() }
}
export async function teardown() {}
