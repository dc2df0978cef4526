import { type Case, LONG, suite } from '../../case.ts'
import { ids, order } from './queue.ts'

export const delayCases: readonly Case[] = suite('broker', ['broker'], {
  'delay-hidden': {
    rule: 'A delayed id is not claimable before its time, by any strategy.',
    why: 'A reminder for tomorrow must not go out today.',
    mistake: 'the delay is only stored, or is taken in another unit',
    async run({ broker, check, has }) {
      await broker.publish('mail', 'a', LONG)
      await broker.publish('mail', 'b', LONG, 20)
      for (const strategy of [undefined, 'priority', 'fifo', 'lifo'] as const) {
        if (strategy !== undefined && !has(`strategy.${strategy}`)) continue
        const claimed = await (strategy
          ? broker.claim('mail', 'c', 5, LONG, strategy)
          : broker.claim('mail', 'c', 5, LONG))
        check.equal(claimed, [], `claim (${strategy ?? 'default'}) before the due time`)
      }
      await broker.publish('mail', 'now')
      check.equal(
        await broker.claim('mail', 'c', 5, LONG),
        ['now'],
        'claim with one id waiting behind two delayed',
      )
    },
  },
  'delay-due': {
    rule: 'A delayed id becomes claimable when its time has come, and not before; nobody needs to do anything for it.',
    why: 'Delays and retries rest on it.',
    mistake: 'delayed ids are moved by a timer of the process that published, which may be gone',
    async run({ broker, check, fits, expire, open }) {
      await fits(async ({ ttl, live, name }) => {
        const queue = name('mail')
        const publisher = await open()
        await publisher.broker.publish(queue, 'a', ttl)
        await publisher.close()
        check.equal(await broker.claim(queue, 'c', 5, LONG), [], 'claim before the due time')
        live()
        await expire(ttl)
        check.equal(
          await broker.claim(queue, 'c', 5, LONG),
          ['a'],
          'claim after the due time, by another node',
        )
        check.equal(await broker.claim(queue, 'c', 5, LONG), [], 'a second claim')
      })
    },
  },
  'delay-joins-priority': {
    rule: 'A delayed id joins its priority when due, there by its due time.',
    why: 'A delayed urgent job is urgent when its time has come.',
    mistake: 'due ids go to the back, or lose their priority',
    needs: ['strategy.priority'],
    async run(context) {
      const { broker, fits, expire } = context
      await fits(async ({ ttl, live, name }) => {
        const queue = name('mail')
        await broker.publish(queue, 'early', 0, 0)
        await broker.publish(queue, 'delayed-high', ttl, 5)
        await broker.publish(queue, 'delayed', ttl, 0)
        await broker.publish(queue, 'delayed-low', ttl, -5)
        live()
        await expire(ttl)
        await broker.publish(queue, 'late', 0, 0)
        await broker.publish(queue, 'late-low', 0, -5)
        await order(
          context,
          queue,
          ['delayed-high', 'early', 'delayed', 'late', 'delayed-low', 'late-low'],
          'the order once all are due',
        )
      })
    },
  },
  'delay-negative': {
    rule: 'A negative delay, or one that is no number, rejects INVALID_ARGUMENT, at publish and at nack.',
    why: 'It is always a bug of the caller, and would jump the queue.',
    mistake: 'now + delay is stored unchecked',
    async run({ broker, check }) {
      for (const bad of [-1, Number.NaN, '5' as unknown as number])
        await check.rejects(
          () => broker.publish('mail', 'a', bad),
          'INVALID_ARGUMENT',
          `publish with a delay of ${bad}`,
        )
      check.equal(await broker.claim('mail', 'c', 5, LONG), [], 'claim after the rejected publishes')
      await broker.publish('mail', 'b')
      await broker.claim('mail', 'c', 5, LONG)
      for (const bad of [-1, Number.NaN])
        await check.rejects(
          () => broker.nack('mail', 'b', bad),
          'INVALID_ARGUMENT',
          `nack with a delay of ${bad}`,
        )
      await check.resolves(broker.extendLock('b', 'c', LONG, 'mail'), 'extendLock after the rejected nacks')
    },
  },
  'delay-over-2^31': {
    rule: 'A delay may have any length, also beyond 2^31 ms: the id is not early.',
    why: 'A month has more milliseconds than a 32-bit integer, and setTimeout fires at once for more.',
    mistake: 'setTimeout, or a 32-bit column, with the whole delay',
    async run({ broker, check, has, pass, stays, target }) {
      const month = 2 ** 31 + 60_000
      await broker.publish('mail', 'month', month)
      await broker.publish('mail', 'year', 365 * 86_400_000)
      check.equal(await broker.claim('mail', 'c', 5, LONG), [], 'claim at once')
      await stays(new Promise(() => undefined), 'nothing')
      check.equal(await broker.claim('mail', 'c', 5, LONG), [], 'claim a moment later')
      if (has('broker.nextDueIn')) {
        const due = await broker.nextDueIn!('mail')
        check.between(due ?? -1, month - 60_000, month + 2_000, 'nextDueIn')
      }
      if (has('broker.size')) check.equal((await broker.size!('mail')).delayed, 2, 'how many are delayed')
      if (!target.hooks?.advance) return
      await pass(2 ** 31)
      check.equal(await broker.claim('mail', 'c', 5, LONG), [], 'claim a minute before the due time')
      await pass(61_000)
      check.equal(await broker.claim('mail', 'c', 5, LONG), ['month'], 'claim after the due time')
    },
  },
  'promote-once': {
    rule: 'When many ids become due at once, claimers that race get each of them exactly once.',
    why: 'At every full hour thousands of jobs come due, and every worker wakes up.',
    mistake: 'due ids are read, then moved: two workers move the same one',
    async run({ broker, check, fits, expire, open }) {
      const nodes = [broker, (await open()).broker, (await open()).broker]
      await fits(async ({ ttl, live, name }) => {
        const queue = name('mail')
        const all = ids(30)
        await Promise.all(all.map((id) => broker.publish(queue, id, ttl)))
        live()
        await expire(ttl)
        const claims = await Promise.all(
          Array.from({ length: 12 }, (_, n) => nodes[n % nodes.length]!.claim(queue, `c${n}`, 5, LONG)),
        )
        const seen = claims.flat()
        check.distinct(seen, 'what twelve claims at once gave')
        for (
          let claimed = await broker.claim(queue, 'c', 50, LONG);
          claimed.length > 0;
          claimed = await broker.claim(queue, 'c', 50, LONG)
        )
          seen.push(...claimed)
        check.sameMembers(seen, all, 'what all claims gave')
      })
    },
  },
})
