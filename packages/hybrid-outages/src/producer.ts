import { setTimeout as sleep } from 'node:timers/promises'
import type { JobScheduler } from '@sched/core'

export interface Produced {
  /** Enqueues that were rejected and repeated with the same ids. */
  readonly rejected: number
  /** The longest that one enqueue took to resolve or reject, milliseconds. */
  readonly slowestMs: number
}

const CHUNK = 50
const REPEAT_MS = 100

/** Enqueues jobs of these ids, evenly over `overMs`, each chunk again and again until it is accepted. */
export async function produce(
  scheduler: JobScheduler,
  type: string,
  ids: readonly string[],
  overMs: number,
): Promise<Produced> {
  let rejected = 0
  let slowestMs = 0
  const begun = performance.now()
  for (let from = 0; from < ids.length; from += CHUNK) {
    await sleep(begun + (overMs * from) / ids.length - performance.now())
    const items = ids.slice(from, from + CHUNK).map((id) => ({ id }))
    for (let accepted = false; !accepted; ) {
      const sentAt = performance.now()
      accepted = await scheduler.enqueueMany(type, items).then(
        () => true,
        () => false,
      )
      slowestMs = Math.max(slowestMs, performance.now() - sentAt)
      if (accepted) continue
      rejected++
      await sleep(REPEAT_MS)
    }
  }
  return { rejected, slowestMs }
}
