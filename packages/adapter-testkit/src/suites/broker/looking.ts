import { type Case, LONG, suite } from '../../case.ts'
import { ids, publishAll } from './queue.ts'

export const lookingCases: readonly Case[] = suite('broker', ['broker'], {
  has: {
    rule: 'has tells, per id and in order, whether it is waiting, delayed or leased; an ended lease still counts.',
    why: 'The audit republishes what the broker does not have; a wrong no makes double entries, a wrong yes loses jobs.',
    mistake: 'only the waiting ones are looked at',
    needs: ['broker.has'],
    async run({ broker, check, ttl, expire }) {
      await broker.publish('mail', 'ended')
      await broker.claim('mail', 'c', 1, ttl)
      await expire(ttl)
      await broker.publish('mail', 'leased')
      await broker.publish('mail', 'waiting', 0, -1)
      await broker.publish('mail', 'delayed', LONG)
      await broker.publish('mail', 'done', 0, 5)
      await broker.publish('elsewhere', 'other')
      const claimed = await broker.claim('mail', 'c', 10, LONG)
      for (const id of claimed)
        if (id !== 'leased') await (id === 'done' ? broker.ack('mail', id) : broker.nack('mail', id))
      const asked = ['none', 'ended', 'delayed', 'done', 'leased', 'other', 'waiting', 'ended']
      check.equal(
        await broker.has!('mail', asked),
        [false, true, true, false, true, false, true, true],
        `has of ${asked.join(', ')}`,
      )
      check.equal(await broker.has!('mail', []), [], 'has of nothing')
      check.equal(await broker.has!('never', ['a']), [false], 'has in a queue never used')
    },
  },
  size: {
    rule: 'size counts what is waiting (claimable now), delayed and leased.',
    why: 'Autoscaling and alerts go by it.',
    mistake: 'ended leases and due delays are counted by where they are stored, not by what they are',
    needs: ['broker.size'],
    async run({ broker, check, fits, expire }) {
      check.equal(
        await broker.size!('never'),
        { waiting: 0, delayed: 0, leased: 0 },
        'size of a queue never used',
      )
      await publishAll(broker, 'mail', ids(5))
      await broker.publish('mail', 'later', LONG)
      await broker.claim('mail', 'c', 2, LONG)
      check.equal(await broker.size!('mail'), { waiting: 3, delayed: 1, leased: 2 }, 'size')
      await broker.ack('mail', 'j000')
      await broker.nack('mail', 'j001')
      check.equal(
        await broker.size!('mail'),
        { waiting: 4, delayed: 1, leased: 0 },
        'size after an ack and a nack',
      )
      await fits(async ({ ttl, live, name }) => {
        const queue = name('ending')
        await broker.publish(queue, 'leased')
        await broker.claim(queue, 'c', 1, ttl)
        await broker.publish(queue, 'delayed', ttl)
        check.equal(await broker.size!(queue), { waiting: 0, delayed: 1, leased: 1 }, 'size before both end')
        live()
        await expire(ttl)
        check.equal(await broker.size!(queue), { waiting: 2, delayed: 0, leased: 0 }, 'size after both ended')
      })
    },
  },
  'next-due': {
    rule: 'nextDueIn gives the milliseconds until time alone makes something claimable: 0 now, null never.',
    why: 'Idle workers sleep exactly that long.',
    mistake: 'leases are left out, or the instant is given instead of the distance',
    needs: ['broker.nextDueIn'],
    async run({ broker, check, timing }) {
      const slack = timing.resolutionMs + 2_000
      check.equal(await broker.nextDueIn!('mail'), null, 'nextDueIn of an empty queue')
      await broker.publish('mail', 'later', LONG)
      check.between(
        (await broker.nextDueIn!('mail')) ?? -1,
        LONG - slack,
        LONG + timing.resolutionMs,
        'nextDueIn with one delayed',
      )
      await broker.publish('mail', 'sooner', LONG / 2)
      check.between(
        (await broker.nextDueIn!('mail')) ?? -1,
        LONG / 2 - slack,
        LONG / 2 + timing.resolutionMs,
        'nextDueIn with an earlier one',
      )
      await broker.publish('mail', 'now')
      check.equal(await broker.nextDueIn!('mail'), 0, 'nextDueIn with one waiting')
      await broker.claim('mail', 'c', 1, LONG / 4)
      check.between(
        (await broker.nextDueIn!('mail')) ?? -1,
        LONG / 4 - slack,
        LONG / 4 + timing.resolutionMs,
        'nextDueIn when that one is leased',
      )
      await broker.ack('mail', 'now')
      check.between(
        (await broker.nextDueIn!('mail')) ?? -1,
        LONG / 2 - slack,
        LONG / 2 + timing.resolutionMs,
        'nextDueIn after its ack',
      )
    },
  },
  remove: {
    rule: 'remove takes the id away whatever its state, and tells whether it was there.',
    why: 'Cancelled jobs leave the queue at once.',
    mistake: 'leased or delayed ids are not found',
    needs: ['broker.remove'],
    async run({ broker, check, drain }) {
      await broker.publish('mail', 'leased')
      await broker.claim('mail', 'c', 1, LONG)
      await broker.publish('mail', 'waiting')
      await broker.publish('mail', 'delayed', LONG)
      await broker.publish('mail', 'kept')
      for (const id of ['leased', 'waiting', 'delayed']) {
        check.equal(await broker.remove!('mail', id), true, `remove of the ${id} id`)
        check.equal(await broker.remove!('mail', id), false, `a second remove of the ${id} id`)
      }
      check.equal(await broker.remove!('mail', 'nobody'), false, 'remove of an unknown id')
      check.equal(await drain('mail'), ['kept'], 'what is claimable afterwards')
      await check.rejects(
        () => broker.extendLock('leased', 'c', LONG, 'mail'),
        'LEASE_LOST',
        'extendLock of the removed id',
      )
      await broker.publish('mail', 'leased')
      check.equal(await drain('mail'), ['leased'], 'a removed id, published again')
    },
  },
  'wake-hint': {
    rule: 'subscribe, once it resolved, hears publishes to its queues from any node; after the stop it hears nothing.',
    why: 'It is what makes workers start at once instead of at the next poll.',
    mistake: 'it resolves before it listens, or hears only its own process',
    needs: ['broker.subscribe'],
    async run({ broker, check, open, eventually, stays }) {
      const other = await open()
      const heard: string[] = []
      const stop = await broker.subscribe!(['mail', 'sms'], (name) => heard.push(name))
      let n = 0
      const published = async (queue: string): Promise<boolean> => {
        // a hint may get lost, so another publish follows when it does
        await other.broker.publish(queue, `j${n++}`)
        for (let turn = 0; turn < 5 && !heard.includes(queue); turn++)
          await stays(new Promise(() => undefined), 'nothing')
        return heard.includes(queue)
      }
      await eventually(() => published('mail'), 'a wake for "mail"')
      await eventually(() => published('sms'), 'a wake for "sms"')
      check.sameMembers([...new Set(heard)], ['mail', 'sms'], 'the queues that wakes named')
      await stop()
      heard.length = 0
      await other.broker.publish('mail', 'late')
      await stays(new Promise(() => undefined), 'nothing')
      check.equal(heard, [], 'wakes after the stop')
    },
  },
  'wake-hint-time': {
    rule: 'subscribe also hears a due moment, a resume and a freed maxActive slot.',
    why: 'Without it these wait for the fall-back poll.',
    mistake: 'only publish signals',
    level: 'should',
    needs: ['broker.subscribe'],
    async run({ broker, check, eventually, stays, expire, ttl, timing, has, drain }) {
      const heard = new Set<string>()
      const stop = await broker.subscribe!(['due', 'resumed', 'freed'], (name) => heard.add(name))
      const delayMs = ttl + 2 * timing.silenceMs
      await broker.publish('due', 'a', delayMs)
      await broker.pause('resumed')
      await broker.publish('resumed', 'a')
      await publishAll(broker, 'freed', ['a', 'b'])
      const limited = has('broker.claimLeases')
      if (limited) await broker.claimLeases!('freed', 'c', 2, LONG, { maxActive: 1 })
      // what these publishes woke is not what this is about
      await stays(new Promise(() => undefined), 'nothing')
      heard.clear()
      await expire(delayMs)
      await eventually(() => heard.has('due'), 'a wake for a delay that ended')
      check.equal(await drain('due'), ['a'], 'what is claimable then')
      await broker.resume('resumed')
      await eventually(() => heard.has('resumed'), 'a wake for a resume')
      if (limited) {
        await broker.ack('freed', 'a')
        await eventually(() => heard.has('freed'), 'a wake for a freed slot')
      }
      await stop()
    },
  },
  incarnation: {
    rule: 'incarnation stays the same while the server keeps its data, on every node, and changes when it lost them.',
    why: 'By it core learns that every queue has to be filled again.',
    mistake: 'it is made by the process, or kept outside of what a wipe takes away',
    needs: ['broker.incarnation'],
    async run({ broker, check, open, has, target, namespace }) {
      const first = await broker.incarnation!()
      check.ok(typeof first === 'string' && first !== '', 'the incarnation is a text', first)
      await broker.publish('mail', 'a')
      check.equal(await broker.incarnation!(), first, 'incarnation after a publish')
      check.equal(await (await open()).broker.incarnation!(), first, 'incarnation on another node')
      if (!has('hook.wipe')) return
      await target.hooks!.wipe!(namespace)
      const second = await broker.incarnation!()
      check.notEqual(second, first, 'incarnation after the wipe')
      check.equal(await broker.claim('mail', 'c', 5, LONG), [], 'claim after the wipe')
      check.equal(
        await (await open()).broker.incarnation!(),
        second,
        'incarnation on another node after the wipe',
      )
    },
  },
})
