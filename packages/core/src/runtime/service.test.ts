import { expect, test } from 'vitest'
import { ManualClock } from '../values/manual-clock.ts'
import { Periodic } from './periodic.ts'
import { Service } from './service.ts'

class Recorded extends Service {
  readonly log: string[] = []
  fail = false
  protected async onStart(): Promise<void> {
    this.log.push('start')
    await new Promise((resolve) => setImmediate(resolve))
    if (this.fail) throw new Error('no')
    this.log.push('started')
  }
  protected async onStop(): Promise<void> {
    this.log.push('stop')
    await new Promise((resolve) => setImmediate(resolve))
    this.log.push('stopped')
  }
}

test('starting and stopping are idempotent, shared, and never overlap', async () => {
  const service = new Recorded()
  await service.stop()
  const starts = [service.start(), service.start()]
  const stop = service.stop()
  expect(service.stop()).toBe(stop)
  await Promise.all([...starts, stop])
  expect(service.log).toEqual(['start', 'started', 'stop', 'stopped'])
  expect(service.isRunning).toBe(false)
  await Promise.all([service.start(), service.stop(), service.start()])
  expect(service.log.slice(4)).toEqual(['start', 'started', 'stop', 'stopped', 'start', 'started'])
  expect(service.isRunning).toBe(true)
})

test('a start that failed may be tried again, and needs no stop', async () => {
  const service = new Recorded()
  service.fail = true
  await expect(service.start()).rejects.toThrow('no')
  await service.stop()
  service.fail = false
  await service.start()
  expect(service.isRunning).toBe(true)
})

test('rounds never overlap, a round asked for during another follows it, and none is left after a stop', async () => {
  const clock = new ManualClock()
  let rounds = 0
  let under = 0
  let most = 0
  let end: () => void = () => {}
  const periodic = new Periodic(clock, async () => {
    rounds++
    most = Math.max(most, ++under)
    await new Promise<void>((resolve) => {
      end = resolve
    })
    under--
    return 1_000
  })
  await periodic.start()
  const first = periodic.now()
  void periodic.now()
  await clock.advance(5_000)
  expect(rounds).toBe(1)
  end()
  await clock.settle()
  expect(rounds).toBe(2)
  end()
  await first
  await clock.advance(999)
  expect(rounds).toBe(2)
  await clock.advance(1)
  expect(rounds).toBe(3)
  const stop = periodic.stop()
  end()
  await stop
  await clock.advance(10_000)
  expect([rounds, most, clock.pending]).toEqual([3, 1, 0])
})
