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
