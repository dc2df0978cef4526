import { type Case, LONG, suite } from '../../case.ts'
import { ids, publishAll } from './queue.ts'

export const pausingCases: readonly Case[] = suite('broker', ['broker'], {
  'pause-empty': {
    rule: 'No claim started after pause resolved gives anything, on any node, by any method; after resume everything is there.',
    why: 'An operator pauses a queue to stop harm; one more job is one too many.',
    mistake: 'only the pausing process, or only one claim method, looks at the flag',
    async run({ broker, check, open, has, drain }) {
      const other = await open()
      await publishAll(broker, 'mail', ids(5))
      await broker.pause('mail')
      for (const [where, node] of [
        ['the same node', broker],
        ['another node', other.broker],
      ] as const) {
        check.equal(await node.claim('mail', 'c', 5, LONG), [], `claim while paused, on ${where}`)
        if (has('broker.claimLeases'))
          check.equal(
            await node.claimLeases!('mail', 'c', 5, LONG),
            [],
            `claimLeases while paused, on ${where}`,
          )
        for (const strategy of ['fifo', 'lifo'] as const)
          if (has(`strategy.${strategy}`))
            check.equal(
              await node.claim('mail', 'c', 5, LONG, strategy),
              [],
              `a ${strategy} claim while paused, on ${where}`,
            )
        if (has('broker.isPaused')) check.equal(await node.isPaused!('mail'), true, `isPaused on ${where}`)
        if (has('broker.nextDueIn'))
          check.equal(await node.nextDueIn!('mail'), null, `nextDueIn while paused, on ${where}`)
      }
      await other.broker.resume('mail')
      if (has('broker.isPaused')) check.equal(await broker.isPaused!('mail'), false, 'isPaused after resume')
      check.sameMembers(await drain('mail'), ids(5), 'what is claimed after resume')
    },
  },
  'pause-accepts-publish': {
    rule: 'Publishing works while paused; the ids come after resume, in order.',
    why: 'Producers do not know of the pause, and must not fail.',
    mistake: 'publish checks the flag, or published ids skip it',
    async run({ broker, check }) {
      await broker.pause('mail')
      await publishAll(broker, 'mail', ['a', 'b', 'c'])
      check.equal(await broker.claim('mail', 'c', 5, LONG), [], 'claim while paused')
      await broker.resume('mail')
      check.equal(await broker.claim('mail', 'c', 5, LONG), ['a', 'b', 'c'], 'claim after resume')
    },
  },
  'pause-active-finishes': {
    rule: 'Leased work goes on while paused: it can be extended, acknowledged and given back; what is given back waits for resume.',
    why: 'Pausing must not make running jobs run twice.',
    mistake: 'ack, nack or extendLock refuse a paused queue, or nack gets around the pause',
    async run({ broker, check }) {
      await publishAll(broker, 'mail', ['a', 'b', 'c'])
      await broker.claim('mail', 'me', 3, LONG)
      await broker.pause('mail')
      await check.resolves(broker.extendLock('a', 'me', LONG, 'mail'), 'extendLock while paused')
      check.notEqual(await broker.ack('mail', 'a'), false, 'what ack resolves to while paused')
      check.notEqual(await broker.nack('mail', 'b'), false, 'what nack resolves to while paused')
      check.equal(await broker.claim('mail', 'you', 5, LONG), [], 'claim while paused')
      await broker.resume('mail')
      check.equal(
        await broker.claim('mail', 'you', 5, LONG),
        ['b'],
        'claim after resume: what was given back',
      )
    },
  },
  'pause-idempotent': {
    rule: 'Pausing twice is pausing once, and one resume ends it; resuming what is not paused is no error.',
    why: 'Two operators press the same button.',
    mistake: 'pauses are counted',
    async run({ broker, check }) {
      await check.resolves(broker.resume('mail'), 'resume of a queue never paused')
      await broker.publish('mail', 'a')
      await broker.pause('mail')
      await broker.pause('mail')
      check.equal(await broker.claim('mail', 'c', 5, LONG), [], 'claim while paused')
      await broker.resume('mail')
      check.equal(await broker.claim('mail', 'c', 5, LONG), ['a'], 'claim after one resume')
      await check.resolves(broker.resume('mail'), 'a second resume')
    },
  },
  'pause-isolated': {
    rule: 'A pause is of one queue: others go on, whatever their names.',
    why: 'Pausing "mail" must not stop "mail-eu".',
    mistake: 'the flag is global, or found by the beginning of a name',
    async run({ broker, check, openElsewhere }) {
      const others = ['mail2', 'mai', 'mail:eu', 'MAIL', 'mail*', 'm%']
      for (const queue of ['mail', ...others]) await broker.publish(queue, 'a')
      await broker.pause('mail')
      for (const queue of others)
        check.equal(
          await broker.claim(queue, 'c', 5, LONG),
          ['a'],
          `claim from ${JSON.stringify(queue)} while "mail" is paused`,
        )
      const elsewhere = await openElsewhere()
      await elsewhere.broker.publish('mail', 'b')
      check.equal(
        await elsewhere.broker.claim('mail', 'c', 5, LONG),
        ['b'],
        'claim from "mail" under another prefix',
      )
      check.equal(await broker.claim('mail', 'c', 5, LONG), [], 'claim from "mail"')
    },
  },
  'pause-durable': {
    rule: 'A pause outlives the process that made it, also on a queue that has nothing, and a restart of the server that keeps its data.',
    why: 'A deployment restarts every worker; the queue must stay paused.',
    mistake: 'the flag is kept in the process, or only while the queue has ids',
    async run({ check, node, open, has, target, namespace }) {
      const pausing = await open()
      await pausing.broker.pause('mail')
      await pausing.close()
      const later = has('shared') || has('hook.restart')
      if (later) {
        await node.close()
        await target.hooks?.restart?.(namespace)
      }
      const fresh = await open()
      await fresh.broker.publish('mail', 'a')
      const what = `claim on a fresh node, after ${later ? 'every node' : 'the pausing node'} was closed`
      check.equal(await fresh.broker.claim('mail', 'c', 5, LONG), [], what)
      await fresh.broker.resume('mail')
      check.equal(await fresh.broker.claim('mail', 'c', 5, LONG), ['a'], 'claim after resume')
    },
  },
  'pause-delay-runs': {
    rule: 'Delays and leases run on while paused: what came due meanwhile is there at resume.',
    why: 'A pause of an hour must not shift every delay by an hour.',
    mistake: 'delayed ids are only moved by claims that a pause stops',
    async run({ broker, check, fits, expire }) {
      await fits(async ({ ttl, live, name }) => {
        const queue = name('mail')
        await broker.publish(queue, 'leased')
        await broker.claim(queue, 'me', 1, ttl)
        await broker.publish(queue, 'delayed', ttl)
        await broker.pause(queue)
        live()
        await expire(ttl)
        check.equal(await broker.claim(queue, 'you', 5, LONG), [], 'claim while paused, after both ended')
        await broker.resume(queue)
        check.sameMembers(
          await broker.claim(queue, 'you', 5, LONG),
          ['leased', 'delayed'],
          'claim after resume',
        )
      })
    },
  },
  'max-active': {
    rule: 'maxActive holds over the cluster: at most that many of the queue’s ids are leased at once; an end, ack or nack frees a place.',
    why: 'Users limit a type because what it calls breaks beyond that.',
    mistake:
      'the limit is per process or per call, or leased ids are counted before the claim and not with it',
    needs: ['broker.claimLeases'],
    async run({ broker, check, open, fits, expire }) {
      const nodes = [broker, (await open()).broker, (await open()).broker]
      await publishAll(broker, 'mail', ids(12))
      const claims = await Promise.all(
        Array.from({ length: 9 }, (_, n) =>
          nodes[n % 3]!.claimLeases!('mail', `c${n}`, 4, LONG, { maxActive: 3 }),
        ),
      )
      const active = claims.flat().map((lease) => lease.id)
      check.distinct(active, 'what nine claims at once gave')
      check.equal(active.length, 3, 'how many are leased after nine claims at once with maxActive 3')
      await broker.ack('mail', active[0]!)
      const next = await broker.claimLeases!('mail', 'c', 4, LONG, { maxActive: 3 })
      check.equal(next.length, 1, 'how many a claim gives after one ack')
      await broker.nack('mail', active[1]!, LONG)
      check.equal(
        (await nodes[1]!.claimLeases!('mail', 'c', 4, LONG, { maxActive: 3 })).length,
        1,
        'how many a claim gives after one nack',
      )
      check.equal(
        await nodes[2]!.claimLeases!('mail', 'c', 4, LONG, { maxActive: 3 }),
        [],
        'a claim when three are leased',
      )
      check.equal(
        (await broker.claimLeases!('mail', 'c', 4, LONG, { maxActive: 5 })).length,
        2,
        'how many a claim with maxActive 5 gives',
      )
      await fits(async ({ ttl, live, name }) => {
        const queue = name('ending')
        await publishAll(broker, queue, ids(4))
        check.equal(
          (await broker.claimLeases!(queue, 'c', 4, ttl, { maxActive: 2 })).length,
          2,
          'how many a claim with maxActive 2 gives',
        )
        live()
        await expire(ttl)
        check.equal(
          (await nodes[1]!.claimLeases!(queue, 'd', 4, LONG, { maxActive: 2 })).length,
          2,
          'how many a claim gives after both leases ended',
        )
      })
    },
  },
  'max-active-per-queue': {
    rule: 'maxActive counts the leases of its own queue, taken by whatever method, and no others; without it there is no limit.',
    why: 'A limit of one type must not throttle the others, nor be got around by an older worker.',
    mistake: 'all leases of the server or of the consumer are counted, or only those that claimLeases took',
    needs: ['broker.claimLeases'],
    async run({ broker, check, open }) {
      const other = await open()
      for (const queue of ['busy', 'mail']) await publishAll(broker, queue, ids(6))
      check.equal(
        (await broker.claim('busy', 'c', 5, LONG)).length,
        5,
        'how many a plain claim of another queue gives',
      )
      const first = await broker.claimLeases!('mail', 'c', 5, LONG, { maxActive: 2 })
      check.equal(first.length, 2, 'how many a claim with maxActive 2 gives, another queue having 5 leased')
      check.equal(
        (await other.broker.claim('mail', 'd', 2, LONG)).length,
        2,
        'how many a claim without a limit gives beside them',
      )
      await broker.ack('mail', first[0]!.id)
      check.equal(
        await other.broker.claimLeases!('mail', 'c', 5, LONG, { maxActive: 3 }),
        [],
        'a claim with maxActive 3 when three are leased, by two methods',
      )
    },
  },
})
