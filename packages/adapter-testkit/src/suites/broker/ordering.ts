import { type Case, LONG, suite } from '../../case.ts'
import { ids, order, publishAll } from './queue.ts'

export const orderingCases: readonly Case[] = suite('broker', ['broker'], {
  fifo: {
    rule: 'Strategy fifo gives ids in the publisher’s order, whatever their priority.',
    why: 'Some queues promise their users first come, first served.',
    mistake: 'a set or hash without order, or the priority still sorts',
    needs: ['strategy.fifo'],
    async run(context) {
      const { broker, random } = context
      const all = random.shuffle(ids(30))
      for (const [n, id] of all.entries()) await broker.publish('mail', id, 0, (n % 5) - 2)
      await order(context, 'mail', all, 'the order of one fifo claim', 'fifo')
    },
  },
  lifo: {
    rule: 'Strategy lifo gives the latest published first, whatever the priority.',
    why: 'The freshest request is the one somebody still waits for.',
    mistake: 'a stack beside the queue that knows only some of the ids',
    needs: ['strategy.lifo'],
    async run(context) {
      const { broker, random } = context
      const all = random.shuffle(ids(30))
      for (const [n, id] of all.entries()) await broker.publish('mail', id, 0, (n % 5) - 2)
      await order(context, 'mail', [...all].reverse(), 'the order of one lifo claim', 'lifo')
    },
  },
  'batch-result-order': {
    rule: 'The ids of one answer are in claim order.',
    why: 'Core starts them in that order; shuffled, a high priority waits behind a low one.',
    mistake:
      'UPDATE … RETURNING, or a multi-key answer, comes in the order of the rows and is not sorted again',
    async run(context) {
      const { broker, check, random, has } = context
      const all = random.shuffle(ids(40))
      await publishAll(broker, 'plain', all)
      await order(context, 'plain', all, 'the order of one claim of 40')
      if (has('broker.publishMany')) {
        await broker.publishMany!(
          'many',
          all.map((id) => ({ id })),
        )
        await order(context, 'many', all, 'the order of one claim of 40 published in one call')
      }
      if (!has('broker.claimLeases')) return
      await publishAll(broker, 'leases', all)
      const leases = await broker.claimLeases!('leases', 'c', 100, LONG)
      check.equal(
        leases.map((lease) => lease.id),
        all,
        'the order of one claimLeases of 40',
      )
    },
  },
  'priority-high-first': {
    rule: 'A higher number goes first, from 20 down to −20.',
    why: 'Users give urgent jobs a higher number; upside down they come last.',
    mistake: 'sorted ascending, as Unix niceness and other queues have it',
    needs: ['strategy.priority'],
    async run(context) {
      const { broker, random } = context
      const priorities = [-20, -7, -1, 0, 1, 2, 9, 10, 20]
      for (const priority of random.shuffle(priorities))
        await broker.publish('mail', `p${priority}`, 0, priority)
      const expected = [...priorities].reverse().map((priority) => `p${priority}`)
      await order(context, 'mail', expected, 'the order of one claim')
      for (const priority of random.shuffle(priorities))
        await broker.publish('named', `p${priority}`, 0, priority)
      await order(context, 'named', expected, 'the order of one claim with strategy priority', 'priority')
      for (const priority of random.shuffle(priorities))
        await broker.publish('singly', `p${priority}`, 0, priority)
      context.check.equal(
        await context.drain('singly', { limit: 1 }),
        expected,
        'the order of claims of one id each',
      )
    },
  },
  'priority-ties-fifo': {
    rule: 'Within one priority ids come by due time, then in the publisher’s order.',
    why: 'Under load the oldest would otherwise wait for ever.',
    mistake: 'ties come by id, or at random',
    needs: ['strategy.priority'],
    async run(context) {
      const { broker, random } = context
      const all = random.shuffle(ids(24))
      for (const [n, id] of all.entries()) await broker.publish('mail', id, 0, (n % 3) * 4 - 4)
      const band = (rest: number): string[] => all.filter((_, n) => n % 3 === rest)
      await order(
        context,
        'mail',
        [...band(2), ...band(1), ...band(0)],
        'the order of one claim of three priorities',
      )
    },
  },
  'priority-default': {
    rule: 'The default priority is 0; anything but an integer from −20 to 20 rejects INVALID_ARGUMENT.',
    why: 'One scale on every backend, so that a job’s place does not depend on the adapter.',
    mistake: 'the lowest or a middle value is the default, or numbers out of range are clamped',
    async run(context) {
      const { broker, check, has } = context
      for (const bad of [21, -21, 1.5, Number.NaN, Number.POSITIVE_INFINITY, '1' as unknown as number])
        await check.rejects(
          () => broker.publish('mail', 'bad', 0, bad),
          'INVALID_ARGUMENT',
          `publish with priority ${bad}`,
        )
      if (has('broker.publishMany'))
        await check.rejects(
          () => broker.publishMany!('mail', [{ id: 'bad', priority: 21 }]),
          'INVALID_ARGUMENT',
          'publishMany with priority 21',
        )
      check.equal(await broker.claim('mail', 'c', 5, LONG), [], 'claim after the rejected publishes')
      for (const fine of [-20, 20])
        await check.resolves(broker.publish('edge', `p${fine}`, 0, fine), `publish with priority ${fine}`)
      if (!has('strategy.priority')) return
      await broker.publish('mail', 'below', 0, -1)
      await broker.publish('mail', 'default')
      await broker.publish('mail', 'above', 0, 1)
      await broker.publish('mail', 'zero', 0, 0)
      await order(context, 'mail', ['above', 'default', 'zero', 'below'], 'the order around the default')
    },
  },
  'priority-visible-to-fifo': {
    rule: 'fifo and lifo see every id, also those published with a priority.',
    why: 'Changing a queue’s strategy must not make jobs disappear.',
    mistake: 'ids with a priority live in another structure, which fifo does not look at',
    async run(context) {
      const { broker, check, has, notApplicable } = context
      const strategies = (['fifo', 'lifo'] as const).filter((strategy) => has(`strategy.${strategy}`))
      if (strategies.length === 0) notApplicable('the broker lists neither fifo nor lifo')
      for (const strategy of strategies) {
        const queue = `mail-${strategy}`
        for (const [n, id] of ids(8).entries())
          await broker.publish(queue, id, 0, n % 2 === 0 ? n : undefined)
        check.sameMembers(
          await broker.claim(queue, 'c', 100, LONG, strategy),
          ids(8),
          `what a ${strategy} claim sees`,
        )
      }
    },
  },
  'strategy-switch-strands-none': {
    rule: 'Claims of different strategies on one queue give every id exactly once, and strand none.',
    why: 'Two versions of a worker run side by side during a deployment.',
    mistake: 'each strategy has its own structure, and they get out of step',
    async run(context) {
      const { broker, check, random, has, notApplicable, open } = context
      const strategies = (['priority', 'fifo', 'lifo'] as const).filter((strategy) =>
        has(`strategy.${strategy}`),
      )
      if (strategies.length < 2) notApplicable('the broker lists only one strategy')
      const nodes = [broker, (await open()).broker]
      const all = ids(40)
      for (const id of all) await broker.publish('mail', id, 0, random.int(-3, 3))
      const seen: string[] = []
      for (let n = 0; seen.length < all.length && n < 100; n++) {
        const claimed = await nodes[n % 2]!.claim(
          'mail',
          'c',
          random.int(1, 4),
          LONG,
          strategies[n % strategies.length],
        )
        if (claimed.length === 0) break
        seen.push(...claimed)
        const [back] = claimed
        if (n % 4 === 0 && back !== undefined) {
          await broker.nack('mail', back)
          seen.splice(seen.indexOf(back), 1)
        } else for (const id of claimed) await broker.ack('mail', id)
      }
      check.sameMembers(seen, all, 'what the claims gave')
    },
  },
  'strategy-everywhere': {
    rule: 'claimLeases and claimBlocking honour the strategy as claim does; without one they claim by priority.',
    why: 'Core claims through them; a queue’s order must not depend on which method is there.',
    mistake: 'only claim was taught the strategies',
    async run(context) {
      const { broker, check, has, within, notApplicable } = context
      const methods = (['claimLeases', 'claimBlocking'] as const).filter((method) => has(`broker.${method}`))
      if (methods.length === 0) notApplicable('the broker has neither claimLeases nor claimBlocking')
      const firsts = { priority: 'high', fifo: 'old', lifo: 'new' } as const
      for (const strategy of [undefined, 'priority', 'fifo', 'lifo'] as const) {
        if (!has(`strategy.${strategy ?? 'priority'}`)) continue
        for (const method of methods) {
          const queue = `${method}-${strategy ?? 'default'}`
          await broker.publish(queue, 'old', 0, 0)
          await broker.publish(queue, 'high', 0, 5)
          await broker.publish(queue, 'new', 0, 1)
          const first =
            method === 'claimLeases'
              ? (await broker.claimLeases!(queue, 'c', 1, LONG, strategy ? { strategy } : {}))[0]?.id
              : await within(
                  broker.claimBlocking!(queue, 'c', LONG, 1_000, strategy),
                  'claimBlocking with ids waiting',
                )
          check.equal(
            first,
            firsts[strategy ?? 'priority'],
            `what ${method} gives first (${strategy ?? 'no strategy'})`,
          )
        }
      }
    },
  },
})
