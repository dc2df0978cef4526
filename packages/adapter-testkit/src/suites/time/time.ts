import { type Case, type Context, LONG, type Node, suite } from '../../case.ts'

const HOUR = 3_600_000

/** What a node whose wall clock is off must neither do nor suffer. */
async function skewed(context: Context, skewMs: number): Promise<void> {
  const { node, open, check, has, traits, fits, expire, notApplicable } = context
  const there = (['storage', 'broker', 'lock'] as const).filter(
    (part) => has(part) && traits(part).clock === 'server',
  )
  if (there.length === 0) notApplicable('no part declares the trait clock: "server"')
  const off = await open({ clockSkewMs: skewMs })
  const both: readonly [string, Node, Node][] = [
    ['the node whose clock is off', off, node],
    ['the node whose clock is right', node, off],
  ]
  if (there.includes('broker')) {
    for (const [who, one, other] of both) {
      const suffix = who.replaceAll(' ', '-')
      await one.broker.publish(`far-${suffix}`, 'a', HOUR / 2)
      check.equal(
        await other.broker.claim(`far-${suffix}`, 'c', 1, LONG),
        [],
        `claim of an id that ${who} delayed by half an hour, by the other`,
      )
      check.equal(
        await one.broker.claim(`far-${suffix}`, 'c', 1, LONG),
        [],
        `claim of an id that ${who} delayed by half an hour, by itself`,
      )
      await fits(async ({ ttl, live, name }) => {
        const [leased, delayed] = [name(`leased-${suffix}`), name(`delayed-${suffix}`)]
        await one.broker.publish(leased, 'b')
        check.equal(await one.broker.claim(leased, 'c', 1, ttl), ['b'], `claim by ${who}`)
        check.equal(
          await other.broker.claim(leased, 'd', 1, LONG),
          [],
          `claim by the other inside the lease that ${who} has`,
        )
        await one.broker.publish(delayed, 'e', ttl)
        live()
        await expire(ttl)
        check.equal(
          await other.broker.claim(leased, 'd', 1, LONG),
          ['b'],
          `claim by the other after the lease that ${who} had`,
        )
        check.equal(
          await other.broker.claim(delayed, 'd', 1, LONG),
          ['e'],
          `claim by the other of what ${who} had delayed, when it is due`,
        )
        await check.rejects(
          () => one.broker.extendLock('b', 'c', LONG, leased),
          'LEASE_LOST',
          `extendLock by ${who} after its lease`,
        )
      })
    }
  }
  if (there.includes('lock')) {
    for (const [who, one, other] of both)
      await fits(async ({ ttl, live, name }) => {
        const key = name(`leader of ${who}`)
        check.equal(await one.lock.acquire(key, 'a', ttl), true, `acquire by ${who}`)
        check.equal(
          await other.lock.acquire(key, 'b', LONG),
          false,
          `acquire by the other inside the TTL of ${who}`,
        )
        check.equal(
          await other.lock.isOwner(key, 'a'),
          true,
          `isOwner, asked by the other inside the TTL of ${who}`,
        )
        check.equal(await one.lock.renew(key, 'a', ttl), true, `renew by ${who} inside its TTL`)
        live()
        await expire(ttl)
        check.equal(await one.lock.isOwner(key, 'a'), false, `isOwner, asked by ${who} after its TTL`)
        check.equal(
          await other.lock.acquire(key, 'b', LONG),
          true,
          `acquire by the other after the TTL of ${who}`,
        )
        check.equal(await one.lock.renew(key, 'a', LONG), false, `renew by ${who} after its TTL`)
      })
  }
  if (there.includes('storage') && has('storage.now')) {
    const before = await node.storage.now!()
    const asked = await off.storage.now!()
    const after = await node.storage.now!()
    check.between(
      asked,
      before - 1,
      after + 1,
      'now, asked by the node whose clock is off, between two answers to the other',
    )
  }
}

const SKEW_WHY = 'A worker whose wall clock is an hour off must steal nothing and start nothing early.'
const SKEW_MISTAKE = 'Date.now() of the process goes into a due time, an end or a comparison'

export const timeCases: readonly Case[] = suite('time', [], {
  'node-one-hour-ahead': {
    rule: 'A node whose wall clock is an hour ahead takes no live lease, starts nothing early, and its own leases end on time.',
    why: SKEW_WHY,
    mistake: SKEW_MISTAKE,
    alone: true,
    run: (context) => skewed(context, HOUR),
  },
  'node-one-hour-behind': {
    rule: 'A node whose wall clock is an hour behind holds its leases for their time, no shorter and no longer.',
    why: SKEW_WHY,
    mistake: SKEW_MISTAKE,
    alone: true,
    run: (context) => skewed(context, -HOUR),
  },
  'ttl-floor': {
    rule: 'A lease, lock or delay lasts at least what was asked for, also an odd number of milliseconds, and 1 ms is accepted.',
    why: 'Rounded down to whole seconds, a lease of 1,900 ms ends while its holder still works.',
    mistake: 'the TTL is divided by 1000 and floored, or 0 after rounding means no end',
    async run(context) {
      const { check, has, pass, expire, fits, notApplicable, node, open } = context
      if (!has('lock') && !has('broker')) notApplicable('the target has neither lock nor broker')
      const other = await open()
      await fits(async ({ ttl, live, name }) => {
        const odd = ttl + Math.ceil(ttl / 2) + 7
        const [key, queue, delayed] = [name('leader'), name('mail'), name('delayed')]
        if (has('lock')) await node.lock.acquire(key, 'a', odd)
        if (has('broker')) {
          await node.broker.publish(queue, 'a')
          await node.broker.claim(queue, 'c', 1, odd)
          await node.broker.publish(delayed, 'b', odd)
        }
        await pass(Math.floor(ttl * 0.7))
        if (has('lock'))
          check.equal(await other.lock.isOwner(key, 'a'), true, `isOwner within a TTL of ${odd} ms`)
        if (has('broker')) {
          check.equal(
            await other.broker.claim(queue, 'd', 1, LONG),
            [],
            `claim by another within a lease of ${odd} ms`,
          )
          check.equal(
            await other.broker.claim(delayed, 'd', 1, LONG),
            [],
            `claim within a delay of ${odd} ms`,
          )
        }
        live()
        await expire(odd)
        if (has('lock'))
          check.equal(await other.lock.isOwner(key, 'a'), false, `isOwner after a TTL of ${odd} ms`)
        if (has('broker')) {
          check.equal(
            await other.broker.claim(queue, 'd', 1, LONG),
            ['a'],
            `claim by another after a lease of ${odd} ms`,
          )
          check.equal(
            await other.broker.claim(delayed, 'd', 1, LONG),
            ['b'],
            `claim after a delay of ${odd} ms`,
          )
        }
      })
      if (has('lock')) await check.resolves(node.lock.acquire('short', 'a', 1), 'acquire with a TTL of 1 ms')
      if (has('broker')) {
        await node.broker.publish('short', 'a')
        await check.resolves(node.broker.claim('short', 'c', 1, 1), 'claim with a lease of 1 ms')
      }
      await expire(1)
      if (has('lock'))
        check.equal(
          await other.lock.acquire('short', 'b', LONG),
          true,
          'acquire by another after a TTL of 1 ms',
        )
      if (has('broker'))
        check.equal(
          await other.broker.claim('short', 'd', 1, LONG),
          ['a'],
          'claim by another after a lease of 1 ms',
        )
    },
  },
  'long-transaction': {
    rule: 'A lease begins when the claim succeeds, not when a long call or transaction began.',
    why: 'A worker that waited a minute for a job would otherwise get a lease that ended a minute ago.',
    mistake:
      'now() of PostgreSQL: it stands still from the beginning of the transaction; or the time is read before the wait',
    needs: ['broker', 'broker.claimBlocking'],
    async run(context) {
      const { check, broker, open, pass, fits, within, stays } = context
      const other = await open()
      await fits(async ({ ttl, live, name }) => {
        const queue = name('mail')
        const waiting = broker.claimBlocking!(queue, 'c', ttl * 2, LONG)
        await stays(waiting, 'claimBlocking of an empty queue')
        await pass(ttl * 3)
        const start = performance.now()
        await other.broker.publish(queue, 'a')
        check.equal(await within(waiting, 'claimBlocking after a publish'), 'a', 'what it resolves to')
        const answers = await Promise.allSettled([broker.extendLock('a', 'c', LONG, queue)])
        const tooSlow = performance.now() - start > ttl * 1.5
        if (tooSlow) live()
        check.equal(
          answers[0].status,
          'fulfilled',
          'extendLock right after a claim that had waited for longer than its lease',
        )
        check.equal(await other.broker.claim(queue, 'd', 1, LONG), [], 'claim by another right after that')
      })
    },
  },
  now: {
    rule: 'now is the server’s clock in epoch milliseconds: it goes on, and all nodes see the same one.',
    why: 'Every instant in a record is measured by it.',
    mistake: 'seconds instead of milliseconds, or the time of a transaction',
    needs: ['storage', 'storage.now'],
    async run({ check, storage, open, pass, timing }) {
      const first = await storage.now!()
      check.between(first, 1e12, 1e13, 'now, in epoch milliseconds')
      const other = await (await open()).storage.now!()
      check.ok(other >= first - 1, 'now on another node, asked later, is not earlier', [first, other])
      await pass(60)
      const later = await storage.now!()
      check.between(
        later - first,
        60 - timing.resolutionMs - 2,
        60_000,
        'how far now moved while 60 ms passed',
      )
    },
  },
})
