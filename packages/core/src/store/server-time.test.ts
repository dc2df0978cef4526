import { expect, test } from 'vitest'
import { ManualClock } from '../values/manual-clock.ts'
import { ServerTime } from './server-time.ts'

/** A server whose clock is `aheadMs` before the process's true time, `tripMs` away, answering from the middle of the trip. */
class Server {
  readonly clock: ManualClock = new ManualClock()
  aheadMs = 0
  tripMs = 0
  /** How much of the trip is on the way there; 0.5 is what a measurement assumes. */
  share = 0.5
  readonly #start: number = this.clock.now()

  /** The server's true time. */
  get time(): number {
    return this.#start + this.clock.monotonic() + this.aheadMs
  }

  async now(): Promise<number> {
    await this.clock.advance(this.tripMs * this.share)
    const time = this.time
    await this.clock.advance(this.tripMs * (1 - this.share))
    return time
  }
}

function setUp(): { server: Server; time: ServerTime } {
  const server = new Server()
  return { server, time: new ServerTime(server, server.clock) }
}

test('is the server’s, counted on the monotonic clock, whatever the wall clock says', async () => {
  const { server, time } = setUp()
  server.aheadMs = 3_600_000
  server.tripMs = 10
  await time.measure()
  expect(time.now()).toBe(server.time)
  server.clock.jump(-7_200_000)
  await server.clock.advance(12_345)
  expect(time.now()).toBe(server.time)
})

test('is the process’s before the first measurement, and where the storage has no clock', async () => {
  const { server, time } = setUp()
  server.aheadMs = 1_000
  expect(time.now()).toBe(server.clock.now())
  const processTime = new ServerTime({}, server.clock)
  await processTime.measure()
  expect(processTime.now()).toBe(server.clock.now())
})

test('a slow answer does not replace a better measurement', async () => {
  const { server, time } = setUp()
  server.tripMs = 2
  await time.measure()
  server.tripMs = 400
  server.share = 0.95
  await time.measure()
  expect(Math.abs(time.now() - server.time)).toBeLessThanOrEqual(1)
})

test('an old measurement gives way to a newer, as clocks drift', async () => {
  const { server, time } = setUp()
  server.tripMs = 2
  await time.measure()
  await server.clock.advance(3_600_000)
  server.aheadMs = 100
  server.tripMs = 20
  await time.measure()
  expect(Math.abs(time.now() - server.time)).toBeLessThanOrEqual(10)
})

test('a server whose clock was set is believed', async () => {
  const { server, time } = setUp()
  server.tripMs = 2
  await time.measure()
  server.aheadMs = -5_000
  server.tripMs = 50
  await time.measure()
  expect(Math.abs(time.now() - server.time)).toBeLessThanOrEqual(25)
})

test('a measurement that fails rejects and changes nothing', async () => {
  const { server, time } = setUp()
  server.aheadMs = 500
  await time.measure()
  server.now = () => Promise.reject(new Error('no answer'))
  await expect(time.measure()).rejects.toThrow('no answer')
  expect(time.now()).toBe(server.time)
})
