import { type Logger, ManualClock, type OpenedJobStore, openJobStore } from '@sched/core/adapter'
import { expect, test } from 'vitest'
import { MemoryServer, memory } from '../index.ts'
import { job, LEASE_MS, SCOPE, TYPE } from './world.ts'

const clock = new ManualClock()

interface Opening {
  readonly server: MemoryServer
  readonly fuse?: boolean
  readonly scope?: string
  readonly warnings?: string[]
  /** A broker on a server of its own. */
  readonly apart?: boolean
}

function open({ server, fuse = true, scope = SCOPE, warnings = [], apart = false }: Opening): OpenedJobStore {
  const { storage, broker, lock } = memory({ server })
  const quiet = () => undefined
  const logger: Logger = { debug: quiet, info: quiet, error: quiet, warn: (text) => warnings.push(text) }
  const adapters = { storage, broker: apart ? memory({ clock }).broker : broker, lock }
  return openJobStore({ adapters, scope, fuse, clock, logger })
}

const claim = { worker: 'w', limit: 1, types: [{ type: TYPE }] }

test.each([
  ['fused', true],
  ['composed', false],
] as const)(
  'what the %s store keeps the other kind does not take while anything is left',
  async (name, fuse) => {
    const server = new MemoryServer({ clock })
    const first = open({ server, fuse })
    await first.ready()
    await first.store.insert([job('a')])
    await expect(open({ server, fuse: !fuse }).ready()).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: expect.stringContaining(`the ${name} job store, with 1 unfinished jobs and 0 live workers`),
    })
    await first.store.heartbeat({ id: 'w', leaseMs: LEASE_MS, phase: 'join' }, [])
    const { jobs } = await first.store.settle([], claim)
    await first.store.settle(jobs.map(({ id, token }) => ({ id, token, kind: 'complete' })))
    const second = open({ server, fuse: !fuse })
    await expect(second.ready()).rejects.toThrow('0 unfinished jobs and 1 live workers')
    await first.store.heartbeat({ id: 'w', leaseMs: LEASE_MS, phase: 'leave' }, [])
    await first.close()

    await second.ready()
    await second.store.insert([job('b')])
    await expect(open({ server, fuse }).ready()).rejects.toThrow('with 1 unfinished jobs')
    await open({ server, fuse: !fuse }).ready()
  },
)

test('schedulers of one kind start together, and scopes have nothing to do with each other', async () => {
  const server = new MemoryServer({ clock })
  const cluster = [1, 2, 3].map(() => open({ server }))
  await Promise.all(cluster.map((node) => node.ready()))
  await cluster[0]!.store.insert([job('a')])
  const elsewhere = open({ server, fuse: false, scope: 'another' })
  await elsewhere.ready()
  await elsewhere.store.insert([job('a')])
  await Promise.all([...cluster, elsewhere].map((node) => node.ready()))
})

test('a worker whose lease ended keeps nobody out', async () => {
  const server = new MemoryServer({ clock })
  await open({ server }).store.heartbeat({ id: 'w', leaseMs: LEASE_MS, phase: 'join' }, [])
  const fused = open({ server })
  await fused.ready()
  await clock.advance(LEASE_MS)
  await open({ server, fuse: false }).ready()
})

test('adapters that cannot look into the other kind’s jobs take the scope with a warning', async () => {
  const server = new MemoryServer({ clock })
  const fused = open({ server })
  await fused.ready()
  await fused.store.insert([job('a')])
  const warnings: string[] = []
  await open({ server, apart: true, warnings }).ready()
  expect(warnings).toEqual([
    expect.stringContaining('kept by the fused job store, which these adapters cannot look into'),
  ])
  warnings.length = 0
  await open({ server, apart: true, warnings }).ready()
  expect(warnings).toEqual([])
})
