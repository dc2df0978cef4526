import { type Case, LONG, suite } from '../../case.ts'
import { ids, publishAll } from './queue.ts'

export const publishingCases: readonly Case[] = suite('broker', ['broker'], {
  'publish-claim': {
    rule: 'What was published can be claimed, on any node, as soon as publish resolved.',
    why: 'Everything else rests on it.',
    mistake: 'publish resolves before the server has the id, or nodes look at different keys',
    async run({ broker, check, open }) {
      const other = await open()
      await broker.publish('mail', 'a')
      check.equal(await other.broker.claim('mail', 'c', 10, LONG), ['a'], 'claim on another node')
      await other.broker.publish('mail', 'b')
      check.equal(await broker.claim('mail', 'c', 10, LONG), ['b'], 'claim of a second id')
      check.equal(await broker.claim('mail', 'c', 10, LONG), [], 'claim when both are leased')
    },
  },
  'claim-empty': {
    rule: 'Claiming from a queue that has nothing, or was never used, gives [].',
    why: 'Workers poll; an error or null would stop them.',
    mistake: 'null or an error for a queue that does not exist yet',
    async run({ broker, check }) {
      check.equal(await broker.claim('never', 'c', 5, LONG), [], 'claim from a queue never used')
      await broker.publish('mail', 'a')
      await broker.claim('mail', 'c', 5, LONG)
      await broker.ack('mail', 'a')
      check.equal(await broker.claim('mail', 'c', 5, LONG), [], 'claim after the only id was acknowledged')
    },
  },
  'limit-0': {
    rule: 'limit 0 gives [] and leases nothing.',
    why: 'A worker without a free slot asks for 0.',
    mistake: '`limit || 1`, or LIMIT 0 read as no limit',
    async run({ broker, check, has }) {
      await publishAll(broker, 'mail', ['a', 'b'])
      check.equal(await broker.claim('mail', 'c', 0, LONG), [], 'claim with limit 0')
      if (has('broker.claimLeases'))
        check.equal(await broker.claimLeases!('mail', 'c', 0, LONG), [], 'claimLeases with limit 0')
      check.equal(await broker.claim('mail', 'd', 5, LONG), ['a', 'b'], 'claim by another afterwards')
    },
  },
  'limit-exact': {
    rule: 'claim gives as many distinct ids as there are, at most `limit`.',
    why: 'More than asked for sit leased with nobody working on them; fewer leave slots empty.',
    mistake: 'one id a call whatever the limit, or a batch size of the adapter’s own',
    async run({ broker, check }) {
      await publishAll(broker, 'mail', ids(25))
      const first = await broker.claim('mail', 'c', 3, LONG)
      check.equal(first.length, 3, 'how many a claim of 3 gives')
      const second = await broker.claim('mail', 'c', 20, LONG)
      check.equal(second.length, 20, 'how many a claim of 20 gives')
      const third = await broker.claim('mail', 'c', 100, LONG)
      check.equal(third.length, 2, 'how many a claim of 100 gives when 2 are left')
      check.sameMembers([...first, ...second, ...third], ids(25), 'all that was claimed')
    },
  },
  'limit-negative': {
    rule: 'A negative or fractional limit rejects INVALID_ARGUMENT and leases nothing.',
    why: 'SQL reads LIMIT -1 as an error, Redis as everything.',
    mistake: 'the limit reaches the server unchecked',
    async run({ broker, check, has }) {
      await broker.publish('mail', 'a')
      for (const bad of [-1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, '1' as unknown as number]) {
        await check.rejects(
          () => broker.claim('mail', 'c', bad, LONG),
          'INVALID_ARGUMENT',
          `claim with limit ${bad}`,
        )
        if (has('broker.claimLeases'))
          await check.rejects(
            () => broker.claimLeases!('mail', 'c', bad, LONG),
            'INVALID_ARGUMENT',
            `claimLeases with limit ${bad}`,
          )
      }
      check.equal(await broker.claim('mail', 'd', 5, LONG), ['a'], 'claim by another afterwards')
    },
  },
  'lease-invalid': {
    rule: 'A lease that is no positive integer of milliseconds rejects INVALID_ARGUMENT, at claim and extendLock.',
    why: 'A lease of NaN never ends, or has ended already.',
    mistake: 'the lease reaches the server unchecked',
    async run({ broker, check }) {
      await broker.publish('mail', 'a')
      for (const bad of [0, -1, 1.5, Number.NaN])
        await check.rejects(
          () => broker.claim('mail', 'c', 1, bad),
          'INVALID_ARGUMENT',
          `claim with a lease of ${bad}`,
        )
      check.equal(await broker.claim('mail', 'd', 5, LONG), ['a'], 'claim by another afterwards')
      for (const bad of [0, -1, 1.5])
        await check.rejects(
          () => broker.extendLock('a', 'd', bad, 'mail'),
          'INVALID_ARGUMENT',
          `extendLock by ${bad}`,
        )
    },
  },
  'name-isolated': {
    rule: 'Queues share nothing, whatever their names and ids: claims, acks and publishes of one never touch another.',
    why: 'Queue names are job types, and ids may be chosen by users.',
    mistake:
      'queue and id are joined by a separator, or the queue is missing from a query (ack is the usual one)',
    async run({ broker, check, openElsewhere }) {
      const queues = [
        'q',
        'q2',
        'q:a',
        'q*',
        'q?',
        'Q',
        'q ',
        'q%',
        'q_',
        "q'",
        'q"',
        'q\\',
        'é',
        'e\u0301',
        '😀',
        '{q}',
        '__proto__',
        'constructor',
        '__meta__',
        'q.b',
        'q/b',
        'q|b',
      ]
      const mixed = ['x', 'a:x', 'x*', '{x}', '__proto__', "x'x", '😀']
      for (const queue of queues) await publishAll(broker, queue, mixed)
      for (const queue of queues) {
        const shown = JSON.stringify(queue)
        check.sameMembers(
          await broker.claim(queue, 'c', 100, LONG),
          mixed,
          `what is claimed from the queue ${shown}`,
        )
        await broker.ack(queue, 'x')
      }
      await broker.nack('q', 'a:x')
      check.equal(await broker.claim('q', 'c', 100, LONG), ['a:x'], 'what nack gave back to "q"')
      check.equal(await broker.claim('q:a', 'c', 100, LONG), [], 'the queue "q:a" after nack in "q"')
      const elsewhere = await openElsewhere()
      check.equal(await elsewhere.broker.claim('q', 'c', 5, LONG), [], 'claim under another prefix')
      await elsewhere.broker.publish('q', 'x')
      check.equal(await broker.claim('q', 'c', 5, LONG), [], 'claim here after publish under another prefix')
    },
  },
  'name-invalid': {
    rule: 'Empty queue names, ids and consumers, and ones with NUL or a lone surrogate, reject INVALID_ARGUMENT; long ones work.',
    why: 'Half the backends would take them and the other half not, or cut them short.',
    mistake: 'names reach the server unchecked; core exports checkName',
    async run({ broker, check, variant }) {
      for (const bad of ['', 'a\0b', '\ud800', undefined as unknown as string]) {
        const shown = JSON.stringify(bad) ?? 'undefined'
        await check.rejects(
          () => broker.publish(bad, 'a'),
          'INVALID_ARGUMENT',
          `publish to the queue ${shown}`,
        )
        await check.rejects(() => broker.publish('q', bad), 'INVALID_ARGUMENT', `publish of the id ${shown}`)
        await check.rejects(
          () => broker.claim(bad, 'c', 1, LONG),
          'INVALID_ARGUMENT',
          `claim from the queue ${shown}`,
        )
        await check.rejects(
          () => broker.claim('q', bad, 1, LONG),
          'INVALID_ARGUMENT',
          `claim by the consumer ${shown}`,
        )
      }
      check.equal(await broker.claim('q', 'c', 5, LONG), [], 'claim after the rejected calls')
      const long = 'x'.repeat((variant === 'namespaced' ? 512 : 1024) - 1)
      await publishAll(broker, `${long}q`, [`${long}1`, `${long}2`])
      check.sameMembers(
        await broker.claim(`${long}q`, `${long}c`, 5, LONG),
        [`${long}1`, `${long}2`],
        'claim of long names',
      )
      check.equal(
        await broker.claim(`${long}r`, 'c', 5, LONG),
        [],
        'claim from a queue that differs only at its end',
      )
    },
  },
  'double-publish-coalesces': {
    rule: 'publish is idempotent: a waiting or delayed id published again is one entry, and the higher priority wins.',
    why: 'Core publishes again whatever it is unsure of; two entries run the job twice.',
    mistake: 'a list is pushed to without looking whether the id is in it',
    async run({ broker, check, drain, has, open }) {
      for (let n = 0; n < 3; n++) await broker.publish('mail', 'a')
      check.equal(await drain('mail'), ['a'], 'what is claimed after three publishes')
      await broker.ack('mail', 'a')
      check.equal(await drain('mail'), [], 'what is claimed after its ack')
      const other = await open()
      await Promise.all(
        Array.from({ length: 10 }, (_, n) => (n % 2 ? broker : other.broker).publish('mail', 'b')),
      )
      check.equal(await drain('mail'), ['b'], 'what is claimed after ten publishes at once')
      await broker.publish('mail', 'c', LONG)
      await broker.publish('mail', 'c', LONG)
      await broker.publish('mail', 'c', 0)
      check.equal(
        await drain('mail'),
        ['c'],
        'what is claimed of an id that was delayed twice and then published',
      )
      if (!has('strategy.priority')) return
      await broker.publish('order', 'x', 0, 0)
      await broker.publish('order', 'y', 0, 1)
      await broker.publish('order', 'z', 0, 2)
      await broker.publish('order', 'x', 0, 5)
      await broker.publish('order', 'z', 0, -5)
      check.equal(
        await broker.claim('order', 'c', 9, LONG),
        ['x', 'z', 'y'],
        'the order after a higher and a lower republish',
      )
    },
  },
  'republish-earlier-wins': {
    rule: 'Publishing again with another delay leaves the earlier due time.',
    why: 'A reconciler that repeats a publish must not put a due job off.',
    mistake: 'the last due time wins, or the first',
    async run({ broker, check, drain, fits, expire }) {
      await broker.publish('now', 'a', LONG)
      await broker.publish('now', 'a', 0)
      check.equal(await drain('now'), ['a'], 'a delayed id, published again without delay')
      await broker.publish('stays', 'b', 0)
      await broker.publish('stays', 'b', LONG)
      check.equal(await drain('stays'), ['b'], 'a waiting id, published again with a delay')
      await fits(async ({ ttl, live, name }) => {
        const [queue, later] = [name('sooner'), name('later')]
        await broker.publish(queue, 'c', LONG)
        await broker.publish(queue, 'c', ttl)
        await broker.publish(later, 'd', ttl)
        await broker.publish(later, 'd', LONG)
        check.equal(await broker.claim(queue, 'c', 5, LONG), [], 'claim before the earlier due time')
        live()
        await expire(ttl)
        check.equal(await broker.claim(queue, 'c', 5, LONG), ['c'], 'an id delayed again to an earlier time')
        check.equal(await broker.claim(later, 'c', 5, LONG), ['d'], 'an id delayed again to a later time')
      })
    },
  },
  'republish-claimed-no-steal': {
    rule: 'Publishing a leased id changes nothing: the lease holds, and after its ack the id is gone.',
    why: 'A repeated enqueue must not start a running job a second time.',
    mistake: 'publish puts the id back among the waiting, or takes its lease away',
    async run({ broker, check, open, fits, expire }) {
      const other = await open()
      await broker.publish('mail', 'a')
      check.equal(await broker.claim('mail', 'c', 1, LONG), ['a'], 'the claim')
      await other.broker.publish('mail', 'a')
      await broker.publish('mail', 'a', 0, 20)
      check.equal(await other.broker.claim('mail', 'd', 5, LONG), [], 'claim by another after the republish')
      await check.resolves(
        broker.extendLock('a', 'c', LONG, 'mail'),
        'extendLock by the holder after the republish',
      )
      await broker.ack('mail', 'a')
      check.equal(await other.broker.claim('mail', 'd', 5, LONG), [], 'claim after the ack')
      await fits(async ({ ttl, live, name }) => {
        const queue = name('ending')
        await broker.publish(queue, 'b')
        await broker.claim(queue, 'c', 1, ttl)
        await broker.publish(queue, 'b')
        check.equal(
          await other.broker.claim(queue, 'd', 5, LONG),
          [],
          'claim inside the lease after a republish',
        )
        live()
        await expire(ttl)
        check.equal(await other.broker.claim(queue, 'd', 5, LONG), ['b'], 'claim after the lease ended, once')
        check.equal(await other.broker.claim(queue, 'd', 5, LONG), [], 'a further claim')
      })
    },
  },
  'republish-claimed-no-block': {
    rule: 'Publishing a leased id does not block the head of the queue: the ids behind it are claimed.',
    why: 'One long job that is published again would stop its whole queue.',
    mistake: 'the republished id is put in front, found leased, and the claim gives up there',
    async run({ broker, check, has, within }) {
      await publishAll(broker, 'mail', ['a', 'b', 'c'])
      check.equal(await broker.claim('mail', 'c', 1, LONG), ['a'], 'the first claim')
      await broker.publish('mail', 'a')
      await broker.publish('mail', 'a', 0, 10)
      check.equal(await broker.claim('mail', 'c', 1, LONG), ['b'], 'claim of one, after the republish of "a"')
      if (has('broker.claimBlocking')) {
        const next = broker.claimBlocking!('mail', 'c', LONG, 1_000)
        check.equal(
          await within(next, 'claimBlocking with an id waiting'),
          'c',
          'claimBlocking after the republish of "a"',
        )
      } else check.equal(await broker.claim('mail', 'c', 1, LONG), ['c'], 'claim of one more')
      check.equal(await broker.claim('mail', 'c', 5, LONG), [], 'claim when all are leased')
    },
  },
})
