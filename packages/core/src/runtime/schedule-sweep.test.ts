import { beforeEach, describe, expect, it } from 'vitest'
import { UnavailableError } from '../errors/sched-error.ts'
import type { Logger } from '../telemetry/logger.ts'
import type { ScheduleOptions } from './schedule-definition.ts'
import type { ScheduleRunner } from './schedule-runner.ts'
import { noted, type RunnerOptions, ScheduleWorld } from './schedule-world.test-support.ts'

const SECONDLY: ScheduleOptions = { scheduleType: 'cron', scheduleValue: '* * * * * *' }
const T = 1_000_000

let world: ScheduleWorld
let calls: string[]
let runner: ScheduleRunner
const direct = (options: RunnerOptions = {}) => world.direct(options)
const pending = () => world.pending()
const claimNext = (name = 's') => world.claimNext(name)

beforeEach(() => {
  world = new ScheduleWorld()
  calls = []
  runner = world.direct({ wrap: (port) => noted(port, calls) })
})

describe('sweep', () => {
  it('finds nothing to do in good order, reading each schedule once', async () => {
    await Promise.all(Array.from({ length: 1_200 }, (_, i) => runner.put(`s${i}`, 'report', 1, SECONDLY)))
    calls.length = 0
    expect(await runner.sweep()).toEqual({ inserted: 0, advanced: 0, marks: 0 })
    expect(calls).toEqual(['page', 'page', 'page', 'get', 'get', 'prune'])
  })

  it('inserts what is missing', async () => {
    await runner.put('s', 'report', 1, SECONDLY)
    world.jobs.all.clear()
    expect(await runner.sweep()).toMatchObject({ inserted: 1, advanced: 0 })
    expect(pending().map(([, runAt]) => runAt)).toEqual([T + 1_000])
  })

  it.each<[string, (id: string) => unknown, number]>([
    ['was cancelled', (id) => world.jobs.end(id, 'cancelled'), T + 2_000],
    ['crashed for good', (id) => world.jobs.end(id, 'failed', 'crashed'), T + 2_000],
    ['was pruned, its id still known', (id) => world.jobs.prune(id), T + 2_000],
    ['expired, as all that is late would', (id) => world.jobs.end(id, 'failed', 'expired'), T + 31_000],
  ])('moves past an occurrence that %s', async (_, end, next) => {
    await runner.put('s', 'report', 1, SECONDLY)
    world.now += 30_500
    end(pending()[0]![0])
    expect(await runner.sweep()).toMatchObject({ inserted: 1, advanced: 1 })
    expect(pending().map(([, runAt]) => runAt)).toEqual([next])
    expect(await runner.sweep()).toMatchObject({ inserted: 0, advanced: 0 })
  })

  it('leaves running, inactive and ended schedules alone', async () => {
    await runner.put('running', 'report', 1, SECONDLY)
    claimNext('running')
    await runner.put('off', 'report', 1, { ...SECONDLY, enabled: false })
    expect(await runner.sweep()).toMatchObject({ inserted: 0, advanced: 0 })
  })

  it('gives a next instant to what was activated in the store alone', async () => {
    await runner.put('s', 'report', 1, SECONDLY)
    await runner.disable('s')
    await world.store().setState('s', 'active')
    expect(world.peek('s')).toMatchObject({ state: 'active', next: null })
    expect(await runner.sweep()).toMatchObject({ inserted: 1, advanced: 1 })
    expect(pending().map(([, runAt]) => runAt)).toEqual([T + 1_000])
  })

  it('goes on past a schedule this host cannot understand', async () => {
    const errors: string[] = []
    const logger: Logger = { debug() {}, info() {}, warn() {}, error: (text) => errors.push(text) }
    await runner.put('a', 'report', 1, SECONDLY)
    await runner.put('b', 'report', 1, SECONDLY)
    Object.assign(world.peek('a')!, { timeZone: 'Mars/X' })
    for (const [id] of pending()) world.jobs.end(id, 'cancelled')
    expect(await direct({ logger }).sweep()).toMatchObject({ inserted: 1, advanced: 1 })
    expect(errors).toEqual(['schedule "a" cannot be moved on'])
  })

  it('propagates when the storage is down', async () => {
    await runner.put('s', 'report', 1, SECONDLY)
    const down = direct({ turn: () => Promise.reject(new UnavailableError('down')) })
    await expect(down.sweep()).rejects.toThrow('down')
  })
})
