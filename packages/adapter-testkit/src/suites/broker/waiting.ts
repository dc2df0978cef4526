import { setTimeout as sleep } from 'node:timers/promises'
import { type Case, LONG, suite } from '../../case.ts'

const WAIT = 60_000

export const waitingCases: readonly Case[] = suite('broker', ['broker', 'broker.claimBlocking'], {
  'block-publish': {
    rule: 'A blocked claim gets an id that is published meanwhile, from any node, soon; one id wakes one waiter.',
    why: 'It is what makes an idle worker start within milliseconds.',
    mistake: 'the waiter only polls at its timeout, or only hears its own process',
    async run({ broker, check, open, within, stays }) {
      const other = await open()
      const waiting = broker.claimBlocking!('mail', 'c', LONG, WAIT)
      await stays(waiting, 'claimBlocking of an empty queue')
      await other.broker.publish('mail', 'a')
      check.equal(
        await within(waiting, 'claimBlocking after a publish on another node'),
        'a',
        'what it resolves to',
      )
      const two = [
        broker.claimBlocking!('mail', 'c', LONG, WAIT),
        other.broker.claimBlocking!('mail', 'd', LONG, WAIT),
      ]
      await stays(Promise.race(two), 'two blocked claims while the only id is leased')
      await broker.publish('mail', 'b')
      const first = await within(Promise.race(two), 'one of two blocked claims after a publish')
      check.equal(first, 'b', 'what the first resolves to')
      await stays(Promise.all(two), 'both blocked claims after one publish')
      await broker.publish('mail', 'c')
      check.sameMembers(
        (await within(Promise.all(two), 'both blocked claims after two publishes')) as string[],
        ['b', 'c'],
        'what the two resolve to',
      )
      await broker.publish('mail', 'ready')
      check.equal(
        await within(broker.claimBlocking!('mail', 'c', LONG, WAIT), 'claimBlocking with an id waiting'),
        'ready',
        'what it resolves to',
      )
    },
  },
  'block-due': {
    rule: 'A blocked claim wakes when time alone makes an id claimable: a delay or a lease that ends.',
    why: 'Otherwise a retry waits for the next publish.',
    mistake: 'only publishes wake the waiter',
    async run({ broker, check, open, within, fits, expire }) {
      const other = await open()
      await fits(async ({ ttl, live, name }) => {
        const queue = name('mail')
        await broker.publish(queue, 'a', ttl)
        const waiting = broker.claimBlocking!(queue, 'c', LONG, WAIT)
        live()
        await expire(ttl)
        check.equal(await within(waiting, 'claimBlocking after the delay'), 'a', 'what it resolves to')
      })
      await fits(async ({ ttl, live, name }) => {
        const queue = name('leased')
        await broker.publish(queue, 'b')
        check.equal(await broker.claim(queue, 'c', 1, ttl), ['b'], 'the claim')
        const waiting = other.broker.claimBlocking!(queue, 'd', LONG, WAIT)
        live()
        await expire(ttl)
        check.equal(
          await within(waiting, 'claimBlocking after another’s lease ended'),
          'b',
          'what it resolves to',
        )
      })
    },
  },
  'block-timeout': {
    rule: 'A blocked claim gives null after its timeout, not before, and takes nothing afterwards.',
    why: 'A worker waits no longer than its next heartbeat.',
    mistake:
      'an error instead of null, seconds taken as milliseconds, or a waiter that goes on after its timeout',
    async run({ broker, check, within, stays, pass, timing, open }) {
      const timeoutMs = Math.ceil(timing.silenceMs * 2 + timing.resolutionMs)
      const waiting = broker.claimBlocking!('mail', 'c', LONG, timeoutMs)
      await stays(waiting, `claimBlocking with a timeout of ${timeoutMs} ms`)
      await pass(timeoutMs)
      check.equal(await within(waiting, 'claimBlocking after its timeout'), null, 'what it resolves to')
      await broker.publish('mail', 'a')
      check.equal(
        await (await open()).broker.claim('mail', 'd', 5, LONG),
        ['a'],
        'claim by another of an id published after the timeout',
      )
    },
  },
  'block-abort': {
    rule: 'A blocked claim gives null soon after its signal aborts, at once when it was aborted before, and takes nothing afterwards.',
    why: 'A worker that stops must not be handed one more job.',
    mistake: 'the signal is only looked at between polls, or the waiter stays in line behind the scenes',
    async run({ broker, check, within, stays, open }) {
      const other = await open()
      const abort = new AbortController()
      const waiting = broker.claimBlocking!('mail', 'c', LONG, WAIT, undefined, abort.signal)
      await stays(waiting, 'claimBlocking of an empty queue')
      abort.abort()
      check.equal(await within(waiting, 'claimBlocking after the abort', 2_000), null, 'what it resolves to')
      await other.broker.publish('mail', 'a')
      await stays(new Promise(() => undefined), 'nothing')
      check.equal(
        await other.broker.claim('mail', 'd', 5, LONG),
        ['a'],
        'claim by another of an id published after the abort',
      )
      await broker.publish('mail', 'b')
      const never = broker.claimBlocking!('mail', 'c', LONG, WAIT, undefined, AbortSignal.abort())
      check.equal(
        await within(never, 'claimBlocking with an aborted signal', 2_000),
        null,
        'what it resolves to',
      )
      check.equal(await other.broker.claim('mail', 'd', 5, LONG), ['b'], 'claim by another afterwards')
    },
  },
  'block-pause': {
    rule: 'A blocked claim started while the queue is paused gets nothing until resume, and then wakes.',
    why: 'A pause must hold for waiting workers too, and its end must not cost a poll interval.',
    mistake: 'the push to waiters skips the pause, or resume wakes nobody',
    async run({ broker, check, open, within, stays }) {
      const other = await open()
      await broker.pause('mail')
      const waiting = broker.claimBlocking!('mail', 'c', LONG, WAIT)
      await other.broker.publish('mail', 'a')
      await stays(waiting, 'claimBlocking while paused, after a publish')
      await other.broker.resume('mail')
      check.equal(await within(waiting, 'claimBlocking after resume'), 'a', 'what it resolves to')
    },
  },
  'block-close': {
    rule: 'close wakes blocked claims: they give null soon, and close resolves.',
    why: 'A process that cannot stop is killed, and its jobs run twice.',
    mistake: 'close waits for the waiter, and the waiter for its timeout',
    async run({ broker, check, open, within, stays }) {
      const closing = await open()
      const waiting = [
        closing.broker.claimBlocking!('mail', 'c', LONG, WAIT),
        closing.broker.claimBlocking!('other', 'c', LONG, WAIT),
      ]
      await stays(Promise.race(waiting), 'claimBlocking of an empty queue')
      await within(closing.close(), 'close with blocked claims', 5_000)
      check.equal(
        await within(Promise.all(waiting), 'the blocked claims after close', 2_000),
        [null, null],
        'what they resolve to',
      )
      await broker.publish('mail', 'a')
      check.equal(
        await broker.claim('mail', 'd', 5, LONG),
        ['a'],
        'claim by another of an id published after close',
      )
    },
  },
  'block-crash-no-loss': {
    rule: 'No id is lost when a blocked claim ends badly at any moment: it was given, or is claimable, at the latest when a lease ends.',
    why: 'The id is the job; popped by a waiter that is gone it never runs.',
    mistake: 'the waiter takes the id off the queue in one step (BLPOP) and leases it in a second',
    timeoutMs: 60_000,
    async run({ broker, check, open, ttl, random, expire, within }) {
      const node = await open()
      const published: string[] = []
      const waits: Promise<unknown>[] = []
      // an adapter inside the process is somewhere else after every turn of the promises, one behind a network after milliseconds
      const moments = [
        ...Array.from({ length: 14 }, (_, turns) => ({ turns, ms: 0 })),
        ...[0, 1, 2, 3, 5, 8].map((ms) => ({ turns: 0, ms })),
      ]
      const round = async (
        moment: (typeof moments)[number],
        closes: boolean,
        settled: boolean,
      ): Promise<void> => {
        const dying = closes ? await open() : node
        const abort = new AbortController()
        const id = `j${published.length}`
        const waiting = dying.broker.claimBlocking!('mail', `c-${id}`, ttl, WAIT, undefined, abort.signal)
        waits.push(waiting.catch(() => 'a crash may well reject'))
        if (settled) await sleep(random.int(1, 10))
        const crash = async (): Promise<void> => {
          for (let turn = 0; turn < moment.turns; turn++) await null
          if (moment.ms > 0) await sleep(moment.ms)
          if (closes) await dying.close()
          else abort.abort()
        }
        published.push(id)
        await Promise.all([broker.publish('mail', id), crash()])
        abort.abort()
      }
      for (const [n, moment] of moments.entries()) {
        await round(moment, false, n % 2 === 0)
        if (n % 2 === 0) await round(moment, true, n % 4 === 0)
      }
      await within(Promise.all(waits), 'all blocked claims after abort or close')
      await expire(ttl)
      const found = await broker.claim('mail', 'survivor', 100, LONG)
      check.sameMembers(
        found,
        published,
        'what is claimable once every lease ended (nothing was acknowledged)',
      )
    },
  },
})
