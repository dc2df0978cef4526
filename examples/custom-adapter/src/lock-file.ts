import { link, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { OPERATION_DEADLINE_MS, UnavailableError } from '@sched/core/adapter'

/** A breaker that died is given up after this long, ms. */
const BREAKER_AGE_MS = 5_000
let next = 0

/**
 * Runs `work` while holding the lock file `path`: among all processes of this machine one at a time. The file holds the pid of its
 * owner; the lock of a process that is gone is broken. Throws UNAVAILABLE when it cannot be had within the deadline.
 *
 * For a local disk: over a network file system neither the pid nor the atomic link means what it says.
 */
export async function holding<T>(path: string, work: () => Promise<T>): Promise<T> {
  const mine = `${path}.${process.pid}.${next++}`
  await writeFile(mine, String(process.pid))
  try {
    await take(path, mine)
    try {
      return await work()
    } finally {
      await rm(path, { force: true })
    }
  } finally {
    await rm(mine, { force: true })
  }
}

/** `link` fails when the name is there, and the file appears whole: nobody ever reads a lock without its pid. */
async function take(path: string, mine: string): Promise<void> {
  const until = performance.now() + OPERATION_DEADLINE_MS
  for (let wait = 0; ; wait = Math.min(wait + 1, 10)) {
    try {
      await link(mine, path)
      return
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    }
    if (performance.now() > until)
      throw new UnavailableError(
        `the lock file ${path} was held for ${OPERATION_DEADLINE_MS} ms: is its process stopped?`,
      )
    if (await isDead(path)) await breakLock(path, mine)
    else await sleep(wait)
  }
}

/** Only one process at a time may break a lock, and it looks again: otherwise a slow one would take away the next owner's. */
async function breakLock(path: string, mine: string): Promise<void> {
  const breaker = `${path}.breaking`
  try {
    await link(mine, breaker)
  } catch {
    // somebody else is at it; its file is only left behind when that process died in between
    const age = await stat(breaker).then(
      (file) => Date.now() - file.ctimeMs,
      () => 0,
    )
    if (age > BREAKER_AGE_MS)
      await rename(breaker, `${breaker}.${process.pid}.old`).then(
        () => rm(`${breaker}.${process.pid}.old`),
        () => undefined,
      )
    await sleep(1)
    return
  }
  if (await isDead(path)) await rm(path, { force: true })
  await rm(breaker, { force: true })
}

async function isDead(path: string): Promise<boolean> {
  const pid = Number(await readFile(path, 'utf8').catch(() => process.pid))
  try {
    process.kill(pid, 0)
    return false
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ESRCH'
  }
}
