import { type Case, LONG, suite } from '../../case.ts'
import { leaseOf, publishAll } from './queue.ts'

export const brokerBatchCases: readonly Case[] = suite('broker', ['broker'], {
  'publish-many': {
    rule: 'publishMany is that many publishes, each with its delay and priority; an empty list is fine.',
    why: 'Core publishes in batches wherever it can.',
    mistake:
      'the delay or priority of the first item is used for all, or an id twice in one call makes two entries',
    needs: ['broker.publishMany'],
    async run({ broker, check, has, drain }) {
      await broker.publishMany!('mail', [])
      check.equal(await drain('mail'), [], 'what is claimable after publishMany of nothing')
      await broker.publish('mail', 'leased')
      await broker.claim('mail', 'c', 1, LONG)
      await broker.publishMany!('mail', [
        { id: 'low', priority: -3 },
        { id: 'leased' },
        { id: 'later', delayMs: LONG },
        { id: 'high', priority: 3 },
        { id: 'low', priority: -3 },
      ])
      const claimed = await broker.claim('mail', 'c', 10, LONG)
      if (has('strategy.priority')) check.equal(claimed, ['high', 'low'], 'the order after publishMany')
      else check.sameMembers(claimed, ['high', 'low'], 'what is claimable after publishMany')
      await check.rejects(
        () => broker.publishMany!('mail', [{ id: '' }]),
        'INVALID_ARGUMENT',
        'publishMany of an empty id',
      )
    },
  },
  'ack-many': {
    rule: 'ackMany and nackMany give one answer per item, in order: false where the lease is gone, and those change nothing.',
    why: 'Core settles in batches, and one late item among them must not touch another’s claim.',
    mistake: 'one answer for the whole batch, or the receipts are ignored in the batch',
    needs: ['broker.claimLeases', 'receipts'],
    async run({ broker, check, has, notApplicable, drain }) {
      if (!has('broker.ackMany') && !has('broker.nackMany'))
        notApplicable('the broker has neither ackMany nor nackMany')
      const items = async (queue: string): Promise<{ id: string; receipt: string }[]> => {
        await publishAll(broker, queue, ['a', 'b', 'c'])
        const leases = await broker.claimLeases!(queue, 'me', 3, LONG)
        const of = (id: string): string => leases.find((lease) => lease.id === id)?.receipt ?? ''
        return [
          { id: 'c', receipt: of('c') },
          { id: 'b', receipt: of('a') },
          { id: 'nobody', receipt: of('a') },
          { id: 'a', receipt: of('a') },
        ]
      }
      if (has('broker.ackMany')) {
        check.equal(
          await broker.ackMany!('acked', await items('acked')),
          [true, false, false, true],
          'what ackMany resolves to',
        )
        await check.resolves(
          broker.extendLock('b', 'me', LONG, 'acked'),
          'extendLock of the one that was refused',
        )
        check.equal(await broker.ackMany!('acked', []), [], 'what ackMany of nothing resolves to')
      }
      if (has('broker.nackMany')) {
        const given = await items('nacked')
        const answers = await broker.nackMany!(
          'nacked',
          given.map((item) => ({ ...item, delayMs: item.id === 'c' ? LONG : 0 })),
        )
        check.equal(answers, [true, false, false, true], 'what nackMany resolves to')
        check.equal(
          await drain('nacked'),
          ['a'],
          'what is claimable afterwards: one is delayed, one still leased',
        )
      }
    },
  },
  'extend-many': {
    rule: 'extendMany gives one answer per item, in order: false where the lease is gone, foreign or under another receipt.',
    why: 'One call keeps all leases of a worker alive, and tells which it lost.',
    mistake: 'it rejects when one is lost, or answers true for all',
    needs: ['broker.extendMany', 'broker.claimLeases'],
    async run({ broker, check, has, fits, expire, open }) {
      const other = await open()
      await fits(async ({ ttl, live, name }) => {
        const queue = name('mail')
        await publishAll(broker, queue, ['a', 'b', 'c', 'd'])
        const a = await leaseOf(broker, check, queue, 'a', { consumer: 'me', leaseMs: ttl })
        const b = await leaseOf(broker, check, queue, 'b', { consumer: 'me', leaseMs: ttl })
        await leaseOf(other.broker, check, queue, 'c', { consumer: 'you', leaseMs: ttl })
        const items = [
          { id: 'c' },
          { id: 'a', receipt: a.receipt },
          { id: 'd' },
          { id: 'b' },
          { id: 'nobody' },
        ]
        check.equal(
          await broker.extendMany!(queue, 'me', LONG, items),
          [false, true, false, true, false],
          'what extendMany resolves to',
        )
        if (has('receipts'))
          check.equal(
            await broker.extendMany!(queue, 'me', LONG, [
              { id: 'b', receipt: a.receipt },
              { id: 'b', receipt: b.receipt },
            ]),
            [false, true],
            'what extendMany resolves to with another’s and its own receipt',
          )
        live()
        await expire(ttl)
        check.sameMembers(
          await other.broker.claim(queue, 'you', 9, LONG),
          ['c', 'd'],
          'what is claimable after the first lease: all but the extended',
        )
      })
    },
  },
  'name-isolated-batches': {
    rule: 'The optional methods keep queues apart as well: has, size, remove, isPaused, nextDueIn, and the batches.',
    why: 'Core prefers them wherever they are, so that is where a leak would happen.',
    mistake: 'the fast path has a query of its own, which forgets the queue',
    async run({ broker, check, has, notApplicable, drain }) {
      const methods = [
        'has',
        'size',
        'remove',
        'isPaused',
        'nextDueIn',
        'publishMany',
        'ackMany',
        'nackMany',
        'extendMany',
      ] as const
      if (!methods.some((method) => has(`broker.${method}`))) notApplicable('the broker has none of them')
      await broker.publish('one', 'a')
      await broker.publish('two', 'b', LONG)
      await broker.publish('held', 'a')
      await broker.claim('held', 'me', 1, LONG)
      if (has('broker.has'))
        check.equal(await broker.has!('two', ['a', 'b']), [false, true], 'has in the second queue')
      if (has('broker.size')) {
        check.equal(await broker.size!('one'), { waiting: 1, delayed: 0, leased: 0 }, 'size of the first')
        check.equal(await broker.size!('two'), { waiting: 0, delayed: 1, leased: 0 }, 'size of the second')
      }
      if (has('broker.nextDueIn')) {
        check.equal(await broker.nextDueIn!('one'), 0, 'nextDueIn of the first')
        check.ok(((await broker.nextDueIn!('two')) ?? 0) > 0, 'nextDueIn of the second is later')
      }
      if (has('broker.isPaused')) {
        await broker.pause('two')
        check.equal(
          [await broker.isPaused!('one'), await broker.isPaused!('two')],
          [false, true],
          'isPaused of both, the second being paused',
        )
        await broker.resume('two')
      }
      if (has('broker.remove'))
        check.equal(await broker.remove!('two', 'a'), false, 'remove of an id that only other queues have')
      if (has('broker.ackMany')) await broker.ackMany!('one', [{ id: 'b' }])
      if (has('broker.nackMany')) await broker.nackMany!('one', [{ id: 'b' }])
      if (has('broker.extendMany'))
        check.equal(
          await broker.extendMany!('one', 'me', LONG, [{ id: 'a' }]),
          [false],
          'extendMany of an id that is leased in another queue',
        )
      if (has('broker.publishMany')) await broker.publishMany!('three', [{ id: 'c' }])
      check.equal(await drain('one'), ['a'], 'what the first queue gives')
      check.equal(await drain('held'), [], 'what the queue gives whose only id is leased')
      check.equal(
        await broker.claim('two', 'c', 5, LONG),
        [],
        'what the second queue gives, its only id being delayed',
      )
    },
  },
})
