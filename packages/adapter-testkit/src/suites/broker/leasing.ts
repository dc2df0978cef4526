import { type Case, LONG, suite } from '../../case.ts'
import { ids, leaseOf, publishAll } from './queue.ts'

export const leasingCases: readonly Case[] = suite('broker', ['broker'], {
  'lease-exclusive': {
    rule: 'A leased id is given to nobody else while its lease lives, on any node, by any strategy.',
    why: 'It is the promise that a job runs on one worker at a time.',
    mistake: 'the claim reads and marks in two steps, or one strategy forgets the lease',
    async run({ broker, check, open, has }) {
      const other = await open()
      await publishAll(broker, 'mail', ids(6))
      const first = await broker.claim('mail', 'c', 3, LONG)
      const second = await other.broker.claim('mail', 'c', 10, LONG)
      check.sameMembers([...first, ...second], ids(6), 'what two claims gave, by one consumer on two nodes')
      for (const strategy of ['priority', 'fifo', 'lifo'] as const)
        if (has(`strategy.${strategy}`))
          check.equal(
            await other.broker.claim('mail', 'd', 10, LONG, strategy),
            [],
            `a ${strategy} claim while all are leased`,
          )
    },
  },
  'expiry-redelivers': {
    rule: 'An id whose lease ended is claimable again, once; it counts one delivery more.',
    why: 'That is how a job survives the death of its worker.',
    mistake: 'the id is taken off the queue at the claim and forgotten with the lease',
    async run({ broker, check, fits, expire, open, has }) {
      const other = await open()
      await fits(async ({ ttl, live, name }) => {
        const queue = name('mail')
        await publishAll(broker, queue, ['a', 'b'])
        check.equal(await broker.claim(queue, 'c', 5, ttl), ['a', 'b'], 'the claim')
        check.equal(await other.broker.claim(queue, 'd', 5, ttl), [], 'claim by another inside the lease')
        live()
        await expire(ttl)
        if (has('broker.claimLeases')) {
          const leases = await other.broker.claimLeases!(queue, 'd', 5, LONG)
          check.sameMembers(
            leases.map((lease) => lease.id),
            ['a', 'b'],
            'claimLeases after the leases ended',
          )
          check.equal(
            leases.map((lease) => lease.deliveries),
            [2, 2],
            'their deliveries',
          )
        } else
          check.sameMembers(
            await other.broker.claim(queue, 'd', 5, LONG),
            ['a', 'b'],
            'claim after the leases ended',
          )
        check.equal(await broker.claim(queue, 'c', 5, LONG), [], 'a further claim')
      })
    },
  },
  'expiry-no-scanner': {
    rule: 'An expired lease makes its id claimable by the next claim itself: no scanner, timer or call of the holder’s node is needed.',
    why: 'The process that would have scanned may be the one that died.',
    mistake: 'a timer of the claiming process gives expired ids back',
    async run({ check, fits, expire, open }) {
      const survivor = await open()
      await fits(async ({ ttl, live, name }) => {
        const queue = name('mail')
        const dying = await open()
        await dying.broker.publish(queue, 'a')
        check.equal(await dying.broker.claim(queue, 'c', 5, ttl), ['a'], 'the claim')
        await dying.close()
        live()
        await expire(ttl)
        check.equal(
          await survivor.broker.claim(queue, 'd', 5, LONG),
          ['a'],
          'the very first claim of another node, the holder’s being closed',
        )
      })
    },
  },
  extend: {
    rule: 'extendLock by the holder sets the end to now + leaseMs, with the queue named or, on the node that claimed, without.',
    why: 'Long jobs live by it.',
    mistake: 'the new lease is added to the old end, or only the longer one counts',
    async run({ broker, check, fits, expire, open }) {
      const other = await open()
      await fits(async ({ ttl, live, name }) => {
        const [queue, short] = [name('mail'), name('short')]
        await publishAll(broker, queue, ['a', 'b', 'c'])
        await broker.claim(queue, 'me', 3, ttl)
        await check.resolves(
          other.broker.extendLock('a', 'me', LONG, queue),
          'extendLock with the queue, on another node',
        )
        await broker.publish(short, 'd')
        await broker.claim(short, 'me', 1, LONG)
        await check.resolves(
          broker.extendLock('b', 'me', LONG),
          'extendLock without the queue, another one having been claimed from since',
        )
        await check.resolves(broker.extendLock('d', 'me', ttl, short), 'extendLock to a shorter lease')
        live()
        await expire(ttl)
        check.equal(
          await other.broker.claim(queue, 'you', 5, LONG),
          ['c'],
          'what is claimable after the first lease: all but the extended',
        )
        check.equal(
          await other.broker.claim(short, 'you', 5, LONG),
          ['d'],
          'what is claimable after the lease that was made shorter',
        )
      })
    },
  },
  'extend-late': {
    rule: 'extendLock after the lease ended rejects LEASE_LOST, even if nobody has claimed the id yet, and revives nothing.',
    why: 'A worker that slept must learn it; its job may be running elsewhere by now.',
    mistake: 'extendLock compares the consumer and forgets the end',
    async run({ broker, check, ttl, expire, open, has }) {
      const other = await open()
      await broker.publish('mail', 'a')
      await broker.claim('mail', 'me', 1, ttl)
      await expire(ttl)
      await check.rejects(
        () => broker.extendLock('a', 'me', LONG, 'mail'),
        'LEASE_LOST',
        'extendLock after the end, nobody else having claimed',
      )
      await check.rejects(
        () => broker.extendLock('a', 'me', LONG),
        'LEASE_LOST',
        'extendLock without the queue, after the end',
      )
      if (has('broker.extendMany'))
        check.equal(
          await broker.extendMany!('mail', 'me', LONG, [{ id: 'a' }]),
          [false],
          'extendMany after the end',
        )
      check.equal(await other.broker.claim('mail', 'you', 1, LONG), ['a'], 'claim by another afterwards')
      await check.rejects(
        () => broker.extendLock('a', 'me', LONG, 'mail'),
        'LEASE_LOST',
        'extendLock when another has claimed',
      )
      check.equal(await broker.claim('mail', 'me', 1, LONG), [], 'claim while the other holds it')
    },
  },
  'extend-foreign': {
    rule: 'extendLock by another consumer, or of an id that is not leased, rejects LEASE_LOST and changes nothing.',
    why: 'A stranger’s renewals would keep a dead worker’s job from everyone.',
    mistake: 'extendLock sets the end by id alone',
    async run({ broker, check, ttl, expire }) {
      await publishAll(broker, 'mail', ['a'])
      await broker.publish('waiting', 'w')
      await broker.claim('mail', 'me', 1, ttl)
      await check.rejects(
        () => broker.extendLock('a', 'you', LONG, 'mail'),
        'LEASE_LOST',
        'extendLock by another consumer',
      )
      await check.rejects(
        () => broker.extendLock('nobody', 'me', LONG, 'mail'),
        'LEASE_LOST',
        'extendLock of an unknown id',
      )
      await check.rejects(
        () => broker.extendLock('w', 'me', LONG, 'waiting'),
        'LEASE_LOST',
        'extendLock of an id that is waiting',
      )
      await check.rejects(
        () => broker.extendLock('a', 'me', LONG, 'other'),
        'LEASE_LOST',
        'extendLock in another queue',
      )
      await expire(ttl)
      check.equal(await broker.claim('mail', 'third', 1, LONG), ['a'], 'claim after the holder’s own lease')
    },
  },
  'same-consumer-aba': {
    rule: 'A receipt proves one claim: when the same consumer claims the id again, the receipt of before is refused.',
    why: 'A handler that was given up and one that runs now are of one worker; the former must not end the latter’s job.',
    mistake: 'the consumer’s name is taken for the receipt',
    needs: ['broker.claimLeases', 'receipts'],
    async run({ broker, check, ttl, expire }) {
      await broker.publish('mail', 'a')
      const first = await leaseOf(broker, check, 'mail', 'a', { leaseMs: ttl })
      await expire(ttl)
      const second = await leaseOf(broker, check, 'mail', 'a', { leaseMs: LONG })
      check.notEqual(second.receipt, first.receipt, 'the receipt of the second claim')
      await check.rejects(
        () => broker.extendLock('a', 'c', LONG, 'mail', first.receipt),
        'LEASE_LOST',
        'extendLock with the first receipt',
      )
      check.equal(await broker.ack('mail', 'a', first.receipt), false, 'ack with the first receipt')
      check.equal(await broker.nack('mail', 'a', 0, first.receipt), false, 'nack with the first receipt')
      check.equal(await broker.claim('mail', 'd', 1, LONG), [], 'claim by another afterwards')
      await check.resolves(
        broker.extendLock('a', 'c', LONG, 'mail', second.receipt),
        'extendLock with the second receipt',
      )
      check.equal(await broker.ack('mail', 'a', second.receipt), true, 'ack with the second receipt')
    },
  },
  'lease-fields': {
    rule: 'A lease carries a non-empty receipt of its own, how often the id was claimed, and when it was due before the claim.',
    why: 'Core orders, counts and fences by them.',
    mistake: 'dueAt is the end of the lease, or deliveries starts at 0',
    needs: ['broker.claimLeases'],
    async run({ broker, check, has, storage, timing, fits, expire }) {
      await publishAll(broker, 'mail', ['a', 'b'])
      const leases = await broker.claimLeases!('mail', 'c', 5, LONG)
      check.equal(
        leases.map((lease) => [lease.id, lease.deliveries]),
        [
          ['a', 1],
          ['b', 1],
        ],
        'ids and deliveries',
      )
      for (const lease of leases)
        check.ok(typeof lease.receipt === 'string' && lease.receipt !== '', 'the receipt is a text', lease)
      if (has('receipts'))
        check.notEqual(leases[0]?.receipt, leases[1]?.receipt, 'the receipt of the second id')
      await broker.nack('mail', 'a')
      const [again] = await broker.claimLeases!('mail', 'c', 1, LONG)
      check.equal([again?.id, again?.deliveries], ['a', 2], 'id and deliveries after a nack')
      await fits(async ({ ttl, live, name }) => {
        const queue = name('due')
        await broker.publish(queue, 'now')
        await broker.publish(queue, 'later', ttl)
        live()
        await expire(ttl)
        const due = await broker.claimLeases!(queue, 'c', 2, LONG)
        const [now, later] = [
          due.find((lease) => lease.id === 'now'),
          due.find((lease) => lease.id === 'later'),
        ]
        const apart = (later?.dueAt ?? Number.NaN) - (now?.dueAt ?? Number.NaN)
        check.between(
          apart,
          ttl - timing.resolutionMs - 1,
          ttl * 2 + timing.resolutionMs + 50,
          'milliseconds between the due times of an immediate and a delayed id',
        )
        if (has('storage') && has('storage.now') && has('server-clock'))
          check.between(
            due[0]?.dueAt ?? -1,
            0,
            (await storage.now!()) + 60_000,
            'dueAt against the server’s clock',
          )
      })
    },
  },
})

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
