import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { dirname, join } from 'node:path'
import { json } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { expect, it, onTestFinished, vi } from 'vitest'
import { wantedBackends } from './backends.ts'
import type { Service } from './resolve.ts'

interface Report {
  readonly worker: number
  readonly services: readonly Service[]
}

const VITEST = join(dirname(fileURLToPath(import.meta.resolve('vitest/package.json'))), 'vitest.mjs')
const CONFIG = fileURLToPath(new URL('held-run/vitest.config.ts', import.meta.url))

it('leaves no server and no directory behind when the test runner is killed', {
  timeout: 60_000,
}, async () => {
  // The report's request is never answered, so the run is in the middle of a test when it dies.
  const listener = createServer().listen(0, '127.0.0.1')
  onTestFinished(() => {
    listener.closeAllConnections()
    listener.close()
  })
  await once(listener, 'listening')
  const { port } = listener.address() as AddressInfo
  const { REDIS_URL, POSTGRES_URL, MONGODB_URL, ...environment } = process.env
  const runner = spawn(process.execPath, [VITEST, 'run', '--config', CONFIG], {
    env: { ...environment, HELD_RUN_REPORT_TO: `http://127.0.0.1:${port}` },
    stdio: 'ignore',
  })
  onTestFinished(() => {
    runner.kill('SIGKILL')
  })

  const [request] = (await Promise.race([
    once(listener, 'request'),
    once(runner, 'exit').then(() => Promise.reject(new Error('the run ended before its test started'))),
  ])) as [IncomingMessage]
  const { worker, services } = (await json(request)) as Report
  expect(services.map(({ name }) => name)).toEqual(wantedBackends())
  for (const { pid, directory } of services) {
    expect(isAlive(pid), `server ${pid}`).toBe(true)
    expect(existsSync(directory ?? ''), `directory ${directory}`).toBe(true)
  }

  runner.kill('SIGKILL')
  await vi.waitFor(
    () => {
      expect([worker, ...services.map(({ pid }) => pid)].filter(isAlive)).toEqual([])
      expect(services.map(({ directory }) => directory ?? '').filter(existsSync)).toEqual([])
    },
    { timeout: 20_000 },
  )
})

function isAlive(pid: number | undefined): boolean {
  if (pid === undefined) return false
  try {
    process.kill(pid, 0)
  } catch {
    return false
  }
  return !isZombie(pid)
}

/** Ended, but its new parent, process 1, does not collect children: so it is in many containers. */
function isZombie(pid: number): boolean {
  try {
    return /^\d+ \(.*\) Z /s.test(readFileSync(`/proc/${pid}/stat`, 'utf8'))
  } catch {
    return false
  }
}
