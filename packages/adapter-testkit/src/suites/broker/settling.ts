import { type Case, LONG, suite } from '../../case.ts'
import { leaseOf, publishAll } from './queue.ts'

export const settlingCases: readonly Case[] = suite('broker', ['broker'], {
  ack: {
    rule: 'ack removes the id for good: it does not come back when its lease would have ended. Published again, it is new.',
    why: 'A finished job must not run again.',
    mistake: 'ack ends the lease, and the id goes back among the waiting',
    async run({ broker, check, fits, expire, open }) {
      const other = await open()
      await fits(async ({ ttl, live, name }) => {
        const queue = name('mail')
        await publishAll(broker, queue, ['a', 'b'])
        await broker.claim(queue, 'c', 2, ttl)
        const answer = await other.broker.ack(queue, 'a')
        check.notEqual(answer, false, 'what ack without a receipt resolves to')
        live()
        await expire(ttl)
        check.equal(
          await broker.claim(queue, 'c', 5, LONG),
          ['b'],
          'what is claimable after the lease: not the acknowledged',
        )
        await broker.publish(queue, 'a')
        check.equal(
          await broker.claim(queue, 'c', 5, LONG),
          ['a'],
          'claim of the acknowledged id, published again',
        )
      })
    },
  },
  'ack-double': {
    rule: 'A second ack does nothing and is no error; with its receipt it resolves false.',
    why: 'Core repeats an ack whose answer was lost.',
    mistake: 'an error for what is not there, or the second ack removes an id published anew',
    async run({ broker, check, has }) {
      await broker.publish('mail', 'a')
      await broker.claim('mail', 'c', 1, LONG)
      await broker.ack('mail', 'a')
      await check.resolves(async () => broker.ack('mail', 'a'), 'a second ack')
      if (!has('broker.claimLeases') || !has('receipts')) return
      await broker.publish('mail', 'b')
      const lease = await leaseOf(broker, check, 'mail', 'b', { leaseMs: LONG })
      check.equal(await broker.ack('mail', 'b', lease.receipt), true, 'ack with the receipt')
      check.equal(await broker.ack('mail', 'b', lease.receipt), false, 'a second ack with the receipt')
      await broker.publish('mail', 'b')
      check.equal(
        await broker.ack('mail', 'b', lease.receipt),
        false,
        'ack with that receipt after the id was published anew',
      )
      check.equal(await broker.claim('mail', 'd', 1, LONG), ['b'], 'claim of the id published anew')
    },
  },
  'ack-unknown': {
    rule: 'ack of an unknown id, or in a queue never used, does nothing and is no error.',
    why: 'After a wipe every ack is of an unknown id.',
    mistake: 'an error for what is not there',
    async run({ broker, check }) {
      await broker.publish('mail', 'a')
      await check.resolves(async () => broker.ack('mail', 'nobody'), 'ack of an unknown id')
      await check.resolves(async () => broker.ack('never', 'a'), 'ack in a queue never used')
      check.equal(await broker.claim('mail', 'c', 5, LONG), ['a'], 'claim of another id afterwards')
    },
  },
  'ack-late-harmless': {
    rule: 'With the receipt of a lease that is gone, ack resolves false and changes nothing.',
    why: 'A late worker would otherwise acknowledge somebody else’s claim, and that job is lost when the other fails.',
    mistake: 'ack deletes by id and ignores the receipt',
    needs: ['broker.claimLeases', 'receipts'],
    async run({ broker, check, ttl, expire, open }) {
      const other = await open()
      await publishAll(broker, 'mail', ['a'])
      const late = await leaseOf(broker, check, 'mail', 'a', { leaseMs: ttl })
      await expire(ttl)
      check.equal(
        await broker.ack('mail', 'a', late.receipt),
        false,
        'ack after the lease ended, nobody having claimed',
      )
      const current = await leaseOf(other.broker, check, 'mail', 'a', { consumer: 'd', leaseMs: LONG })
      check.equal(await broker.ack('mail', 'a', late.receipt), false, 'ack while another holds the id')
      check.equal(await broker.ack('mail', 'a', 'no such receipt'), false, 'ack with a made-up receipt')
      await check.resolves(
        other.broker.extendLock('a', 'd', LONG, 'mail', current.receipt),
        'extendLock by the holder afterwards',
      )
      check.equal(await other.broker.ack('mail', 'a', current.receipt), true, 'ack by the holder')
    },
  },
  'nack-now': {
    rule: 'nack gives the id back at once: claimable by anybody, with nobody’s lease on it.',
    why: 'A worker that stops hands back what it has not started.',
    mistake: 'nack waits for the end of the lease, or drops the id',
    async run({ broker, check, open }) {
      const other = await open()
      await broker.publish('mail', 'a')
      await broker.claim('mail', 'c', 1, LONG)
      const answer = await other.broker.nack('mail', 'a')
      check.notEqual(answer, false, 'what nack without a receipt resolves to')
      check.equal(await other.broker.claim('mail', 'd', 5, LONG), ['a'], 'claim by another after nack')
      await check.rejects(
        () => broker.extendLock('a', 'c', LONG, 'mail'),
        'LEASE_LOST',
        'extendLock by the former holder',
      )
      check.equal(await broker.claim('mail', 'c', 5, LONG), [], 'a further claim')
    },
  },
  'nack-delay': {
    rule: 'nack with a delay hides the id until then.',
    why: 'Retries wait by it; without the wait a failing job spins.',
    mistake: 'the delay is ignored, or the id is due at the end of its lease',
    async run({ broker, check, fits, expire }) {
      await fits(async ({ ttl, live, name }) => {
        const [queue, far] = [name('mail'), name('far')]
        await broker.publish(queue, 'a')
        await broker.claim(queue, 'c', 1, LONG)
        await broker.nack(queue, 'a', ttl)
        check.equal(await broker.claim(queue, 'c', 5, LONG), [], 'claim before the delay ended')
        await broker.publish(far, 'b')
        await broker.claim(far, 'c', 1, ttl)
        await broker.nack(far, 'b', LONG)
        live()
        await expire(ttl)
        check.equal(await broker.claim(queue, 'c', 5, LONG), ['a'], 'claim after the delay')
        check.equal(
          await broker.claim(far, 'c', 5, LONG),
          [],
          'claim when the former lease would have ended, the delay being longer',
        )
      })
    },
  },
  'nack-keeps-priority': {
    rule: 'nack, delayed or not, keeps the priority.',
    why: 'An urgent job that failed once is still urgent.',
    mistake: 'the id is published again with the default priority',
    needs: ['strategy.priority'],
    async run({ broker, check, fits, expire }) {
      await broker.publish('mail', 'high', 0, 5)
      await broker.publish('mail', 'middle', 0, 1)
      await broker.claim('mail', 'c', 1, LONG)
      await broker.nack('mail', 'high')
      check.equal(
        await broker.claim('mail', 'c', 5, LONG),
        ['high', 'middle'],
        'the order after nack of the higher',
      )
      await fits(async ({ ttl, live, name }) => {
        const queue = name('later')
        await broker.publish(queue, 'high', 0, 5)
        await broker.publish(queue, 'low', 0, -5)
        await broker.claim(queue, 'c', 2, LONG)
        await broker.nack(queue, 'low', ttl)
        await broker.nack(queue, 'high', ttl)
        live()
        await expire(ttl)
        await broker.publish(queue, 'middle', 0, 1)
        check.equal(
          await broker.claim(queue, 'c', 5, LONG),
          ['high', 'middle', 'low'],
          'the order after delayed nacks',
        )
      })
    },
  },
  'nack-back-of-band': {
    rule: 'An immediate nack puts the id behind its equals.',
    why: 'A poison job at the head would be claimed for ever while the rest waits.',
    mistake: 'the id keeps its old place',
    async run({ broker, check, drain }) {
      await publishAll(broker, 'mail', ['a', 'b', 'c'])
      check.equal(await broker.claim('mail', 'me', 1, LONG), ['a'], 'the first claim')
      await broker.nack('mail', 'a')
      check.equal(await broker.claim('mail', 'me', 1, LONG), ['b'], 'the claim after nack of "a"')
      await broker.nack('mail', 'b', 0)
      check.equal(await broker.claim('mail', 'me', 5, LONG), ['c', 'a', 'b'], 'the order after two nacks')
      for (const id of ['c', 'a', 'b']) await broker.ack('mail', id)
      await broker.publish('mail', 'd')
      await broker.claim('mail', 'me', 1, LONG)
      await broker.publish('mail', 'e')
      await broker.nack('mail', 'd')
      check.equal(
        await drain('mail', { limit: 1 }),
        ['e', 'd'],
        'the order when another was published before the nack',
      )
    },
  },
  'nack-late-harmless': {
    rule: 'With the receipt of a lease that is gone, nack resolves false and changes nothing.',
    why: 'A late worker would otherwise hand out a job that is running elsewhere.',
    mistake: 'nack moves the id by its name and ignores the receipt',
    needs: ['broker.claimLeases', 'receipts'],
    async run({ broker, check, ttl, expire, open }) {
      const other = await open()
      await broker.publish('mail', 'a')
      const late = await leaseOf(broker, check, 'mail', 'a', { leaseMs: ttl })
      await expire(ttl)
      check.equal(
        await broker.nack('mail', 'a', LONG, late.receipt),
        false,
        'nack after the lease ended, nobody having claimed',
      )
      const current = await leaseOf(other.broker, check, 'mail', 'a', { consumer: 'd', leaseMs: LONG })
      check.equal(await broker.nack('mail', 'a', 0, late.receipt), false, 'nack while another holds the id')
      check.equal(await broker.claim('mail', 'e', 5, LONG), [], 'claim by a third afterwards')
      check.equal(await other.broker.nack('mail', 'a', 0, current.receipt), true, 'nack by the holder')
      check.equal(await broker.claim('mail', 'e', 5, LONG), ['a'], 'claim by a third after that')
    },
  },
  'nack-unknown': {
    rule: 'nack of an unknown id does nothing: it is no error and makes no entry.',
    why: 'A job acknowledged elsewhere must not rise from the dead.',
    mistake: 'nack adds the id without looking whether it was leased',
    async run({ broker, check, drain }) {
      await check.resolves(async () => broker.nack('mail', 'nobody'), 'nack of an unknown id')
      await check.resolves(
        async () => broker.nack('mail', 'nobody', LONG),
        'nack of an unknown id with a delay',
      )
      await broker.publish('mail', 'a')
      await broker.claim('mail', 'c', 1, LONG)
      await broker.ack('mail', 'a')
      await check.resolves(async () => broker.nack('mail', 'a'), 'nack of an acknowledged id')
      check.equal(await drain('mail'), [], 'what is claimable afterwards')
    },
  },
})
