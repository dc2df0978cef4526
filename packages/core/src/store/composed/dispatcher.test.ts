import { expect, test } from 'vitest'
import type { IBrokerEngine, PublishItem } from '../../contracts/broker-engine.ts'
import { UnavailableError } from '../../errors/sched-error.ts'
import { EmptyLogger } from '../../telemetry/logger.ts'
import { ManualClock } from '../../values/manual-clock.ts'
import { ServerTime } from '../server-time.ts'
import { Dispatcher } from './dispatcher.ts'
import { type JobRow, newRow } from './job-row.ts'
import type { JobTable, StoredJob } from './job-table.ts'
import { Queues } from './queues.ts'

class World {
  readonly clock: ManualClock = new ManualClock()
  readonly published: PublishItem[] = []
  readonly records: Map<string, StoredJob> = new Map()
  brokerDown = false
  attempts = 0
  readonly dispatcher: Dispatcher

  constructor(fenced = true) {
    const broker = {
      publishMany: async (_: string, items: readonly PublishItem[]) => {
        this.attempts++
        if (this.brokerDown) throw new UnavailableError('down')
        this.published.push(...items)
      },
    } as unknown as IBrokerEngine
    const table = {
      fenced,
      read: async (ids: readonly string[]) => ids.map((id) => this.records.get(id) ?? null),
      replace: async (rows: readonly StoredJob[]) =>
        rows.map((row) => {
          const fits = this.records.get(row.id)?.rev === row.rev - 1
          if (fits) this.records.set(row.id, row)
          return fits
        }),
    } as unknown as JobTable
    const time = new ServerTime({}, this.clock)
    this.dispatcher = new Dispatcher(new Queues(broker), table, time, this.clock, new EmptyLogger())
  }

  row(id: string, delayMs?: number): JobRow {
    const job = { id, type: 't', payload: null, priority: 3, ...(delayMs === undefined ? {} : { delayMs }) }
    return newRow(job, this.clock.now(), 10)
  }

  dispatchOf(id: string): string | undefined {
    return (this.records.get(id) as JobRow | undefined)?.dispatch
  }
}

test('publishes with delay and priority, and marks after a second what is still as it was', async () => {
  const world = new World()
  const rows = [world.row('a'), world.row('b', 500), world.row('c')]
  for (const row of rows) world.records.set(row.id, row)
  await world.dispatcher.publish(rows)
  expect(world.published).toEqual([
    { id: 'a', delayMs: 0, priority: 3 },
    { id: 'b', delayMs: 500, priority: 3 },
    { id: 'c', delayMs: 0, priority: 3 },
  ])
  world.records.set('b', { ...rows[1]!, rev: 11 })
  world.dispatcher.forget(['c'])
  await world.clock.advance(999)
  expect(world.dispatchOf('a')).toBe('pending')
  await world.clock.advance(1)
  expect([world.dispatchOf('a'), world.dispatchOf('b'), world.dispatchOf('c')]).toEqual([
    undefined,
    'pending',
    'pending',
  ])
  expect(world.clock.pending).toBe(0)
})

test('marks what was published later not much more than a second later, together', async () => {
  const world = new World()
  const rows = ['a', 'b', 'c', 'd'].map((id) => world.row(id))
  for (const row of rows) world.records.set(row.id, row)
  for (const row of rows) {
    await world.dispatcher.publish([row])
    await world.clock.advance(100)
  }
  const marked = (): (string | undefined)[] => rows.map(({ id }) => world.dispatchOf(id))
  await world.clock.advance(849)
  expect(marked()).toEqual([undefined, 'pending', 'pending', 'pending'])
  await world.clock.advance(1)
  expect(marked()).toEqual([undefined, undefined, undefined, 'pending'])
  await world.clock.advance(250)
  expect(marked()).toEqual([undefined, undefined, undefined, undefined])
  expect(world.clock.pending).toBe(0)
})

test('tries again what the broker did not take, until it does; and marks nothing unpublished', async () => {
  const world = new World()
  world.brokerDown = true
  const row = world.row('a')
  world.records.set('a', row)
  await world.dispatcher.publish([row])
  await world.clock.advance(10_000)
  expect([world.published.length, world.dispatchOf('a')]).toEqual([0, 'pending'])
  world.brokerDown = false
  await world.clock.advance(1_000)
  expect(world.published.map(({ id }) => id)).toEqual(['a'])
  await world.clock.advance(2_000)
  expect(world.dispatchOf('a')).toBeUndefined()
})

test('while the broker is gone nobody waits for it; what came meanwhile is published in order', async () => {
  const world = new World()
  world.brokerDown = true
  const rows = [world.row('a'), world.row('b'), world.row('c')]
  await world.dispatcher.publish([rows[0]!])
  const attempts = world.attempts
  await world.dispatcher.publish([rows[1]!, rows[2]!])
  expect(world.attempts).toBe(attempts)
  world.brokerDown = false
  await world.clock.advance(1_000)
  expect(world.published.map(({ id }) => id)).toEqual(['a', 'b', 'c'])
})

test('marks nothing where a mark could overwrite', async () => {
  const world = new World(false)
  const row = world.row('a')
  world.records.set('a', row)
  await world.dispatcher.publish([row])
  expect(world.clock.pending).toBe(0)
  expect(world.dispatchOf('a')).toBe('pending')
})

test('publishes what a transaction saved once its commit shows it, and not what was rolled back', async () => {
  const world = new World()
  const [kept, rolledBack] = [world.row('kept'), world.row('rolled-back')]
  world.dispatcher.watchCommit([kept, rolledBack])
  await world.clock.advance(100)
  expect(world.published).toEqual([])
  world.records.set('kept', kept)
  await world.clock.advance(1_000)
  expect(world.published.map(({ id }) => id)).toEqual(['kept'])
  await world.clock.advance(60_000)
  expect(world.published.map(({ id }) => id)).toEqual(['kept'])
  expect(world.clock.pending).toBe(0)
})

test('leaves no timer behind', async () => {
  const world = new World()
  world.brokerDown = true
  await world.dispatcher.publish([world.row('a')])
  world.dispatcher.watchCommit([world.row('b')])
  await world.dispatcher.close()
  expect(world.clock.pending).toBe(0)
  world.dispatcher.watchCommit([world.row('c')])
  await world.dispatcher.publish([world.row('d')])
  expect(world.clock.pending).toBe(0)
})
