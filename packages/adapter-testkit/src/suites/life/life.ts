import type { Lifecycle } from '@sched/core/adapter'
import { type Case, type Context, LONG, type Node, suite } from '../../case.ts'
import { startProxy } from '../../faults/proxy.ts'

const PARTS = ['storage', 'broker', 'lock'] as const
type PartName = (typeof PARTS)[number]

function partsOf(context: Context): PartName[] {
  const there = PARTS.filter((part) => context.has(part))
  if (there.length === 0) context.notApplicable('the target has no adapter')
  return there
}

/** A cheap call that reaches the server. */
function touch(node: Node, part: PartName): Promise<unknown> {
  switch (part) {
    case 'storage':
      return node.storage.get('jobs', 'a')
    case 'broker':
      return node.broker.claim('mail', 'c', 1, LONG)
    case 'lock':
      return node.lock.isOwner('leader', 'a')
  }
}

/** Every required method once. */
function calls(node: Node, part: PartName): [string, () => Promise<unknown>][] {
  switch (part) {
    case 'storage':
      return [
        ['save', () => node.storage.save('jobs', 'a', { n: 1 })],
        ['get', () => node.storage.get('jobs', 'a')],
        ['list', () => node.storage.list('jobs')],
        ['delete', () => node.storage.delete('jobs', 'a')],
        ['prune', () => node.storage.prune('jobs', 1)],
        ['count', () => node.storage.count('jobs')],
      ]
    case 'broker':
      return [
        ['publish', () => node.broker.publish('mail', 'a')],
        ['claim', () => node.broker.claim('mail', 'c', 1, LONG)],
        ['extendLock', () => node.broker.extendLock('a', 'c', LONG, 'mail')],
        ['ack', async () => node.broker.ack('mail', 'a')],
        ['nack', async () => node.broker.nack('mail', 'a')],
        ['pause', () => node.broker.pause('mail')],
        ['resume', () => node.broker.resume('mail')],
      ]
    case 'lock':
      return [
        ['acquire', () => node.lock.acquire('leader', 'a', LONG)],
        ['renew', () => node.lock.renew('leader', 'a', LONG)],
        ['release', () => node.lock.release('leader', 'a')],
        ['isOwner', () => node.lock.isOwner('leader', 'a')],
      ]
  }
}

export const lifeCases: readonly Case[] = suite('life', [], {
  'ready-idempotent': {
    rule: 'ready may be called again, also at the same time, and changes nothing that is there.',
    why: 'Several schedulers in one process share an adapter; each calls ready.',
    mistake: 'ready creates without IF NOT EXISTS, or clears what it finds',
    async run(context) {
      const { node, check } = context
      for (const part of partsOf(context)) {
        if (part === 'storage') await node.storage.save('jobs', 'kept', { n: 1 })
        const ready = (node[part] as Lifecycle).ready
        if (!ready) continue
        await check.resolves(
          Promise.all([ready(), ready(), ready()]),
          `three times ready of the ${part} at once`,
        )
        await check.resolves(ready(), `ready of the ${part} again`)
        await check.resolves(touch(node, part), `a call to the ${part} afterwards`)
      }
      if (context.has('storage'))
        check.equal(await node.storage.get('jobs', 'kept'), { n: 1 }, 'a record from before')
    },
  },
  'ready-50-racing': {
    rule: 'Fifty nodes may call ready at once on an empty server: all succeed.',
    why: 'A whole fleet starts after a deployment, on a database nobody has touched.',
    mistake: 'CREATE … IF NOT EXISTS races in PostgreSQL; take an advisory lock first',
    timeoutMs: 60_000,
    async run(context) {
      const { check, openElsewhere, random, namespace } = context
      partsOf(context)
      const like = `${namespace} fifty ${random.text(4)}`
      const nodes = await check.resolves(
        Promise.all(Array.from({ length: 50 }, () => openElsewhere(like))),
        'fifty times open and ready at once',
      )
      const [first, last] = [nodes[0]!, nodes[49]!]
      if (context.has('storage')) {
        await first.storage.save('jobs', 'a', { n: 1 })
        check.equal(
          await last.storage.get('jobs', 'a'),
          { n: 1 },
          'a record that the first saved, read by the last',
        )
      }
      if (context.has('broker')) {
        await first.broker.publish('mail', 'a')
        check.equal(
          await last.broker.claim('mail', 'c', 5, LONG),
          ['a'],
          'an id that the first published, claimed by the last',
        )
      }
      if (context.has('lock')) {
        check.equal(await first.lock.acquire('leader', 'a', LONG), true, 'acquire by the first')
        check.equal(await last.lock.acquire('leader', 'b', LONG), false, 'acquire by the last')
      }
    },
  },
  ping: {
    rule: 'ping resolves while the server answers, within its deadline.',
    why: 'Health checks call it.',
    mistake: 'ping needs something that only ready of another part made',
    async run(context) {
      const { node, check, within } = context
      const pings = partsOf(context).filter((part) => (node[part] as Lifecycle).ping)
      if (pings.length === 0) context.notApplicable('no adapter has ping')
      for (const part of pings)
        await check.resolves(
          within((node[part] as Lifecycle).ping!(), `ping of the ${part}`),
          `ping of the ${part}`,
        )
    },
  },
  'ping-down': {
    rule: 'ping rejects UNAVAILABLE within its deadline when the server cannot be reached.',
    why: 'A health check that hangs, or says all is well, hides the outage.',
    mistake: 'the driver queues the command until it is connected again',
    needs: ['proxy'],
    timeoutMs: 60_000,
    async run(context) {
      const { check, within } = context
      const proxy = await startProxy({
        upstream: context.target.upstream!,
        seed: context.random.int(0, 2 ** 31),
      })
      context.defer(() => proxy.close())
      const node = await context.open({ endpoint: proxy.endpoint })
      const pings = partsOf(context).filter((part) => (node[part] as Lifecycle).ping)
      if (pings.length === 0) context.notApplicable('no adapter has ping')
      for (const part of pings) await (node[part] as Lifecycle).ping!()
      for (const fault of ['refuse', 'black-hole'] as const) {
        proxy.set(fault)
        for (const part of pings)
          await check.rejects(
            within((node[part] as Lifecycle).ping!(), `ping of the ${part} (${fault})`, 15_000),
            'UNAVAILABLE',
            `ping of the ${part}, the connection being ${fault === 'refuse' ? 'refused' : 'swallowed'}`,
          )
      }
      proxy.set('pass')
    },
  },
  'close-idempotent': {
    rule: 'close may be called again, also at the same time, and resolves each time.',
    why: 'A signal handler and a finally block both close.',
    mistake: 'the second close ends a connection that is gone',
    async run(context) {
      const { open, check, within } = context
      const node = await open()
      for (const part of partsOf(context)) {
        const close = (node[part] as Lifecycle).close
        if (!close) continue
        await check.resolves(
          within(Promise.all([close(), close()]), `close of the ${part}, twice at once`),
          `close of the ${part}, twice at once`,
        )
        await check.resolves(within(close(), `close of the ${part} again`), `close of the ${part} again`)
      }
      await check.resolves(node.close(), 'the target’s close after its adapters closed')
    },
  },
  'close-while-blocked': {
    rule: 'close resolves soon although calls are under way, and leaves none of them hanging.',
    why: 'A process that cannot stop is killed, and its jobs run twice.',
    mistake: 'close waits for the calls, and they for their timeout',
    async run(context) {
      const { open, within } = context
      const node = await open()
      const parts = partsOf(context)
      // rejecting or not is the adapter's choice; hanging is not
      const under = parts.flatMap((part) => calls(node, part).map(([, call]) => call().then(String, String)))
      if (context.has('broker.claimBlocking'))
        under.push(node.broker.claimBlocking!('idle', 'c', LONG, 60_000).then(String, String))
      await within(node.close(), 'close with calls under way', 10_000)
      await within(Promise.all(under), 'every call that was under way', 12_000)
    },
  },
  'use-after-close': {
    rule: 'After close every call rejects CLOSED.',
    why: 'A late handler must learn that its write is not stored, rather than wait.',
    mistake: 'the driver reconnects, or its own error comes through',
    async run(context) {
      const { open, check } = context
      const node = await open()
      let closable = 0
      for (const part of partsOf(context)) {
        const close = (node[part] as Lifecycle).close
        if (!close) continue
        closable++
        await close()
        for (const [name, call] of calls(node, part))
          await check.rejects(call, 'CLOSED', `${part}.${name} after close`)
        const ping = (node[part] as Lifecycle).ping
        if (ping) await check.rejects(() => ping(), 'CLOSED', `${part}.ping after close`)
      }
      if (closable === 0) context.notApplicable('no adapter has close')
      if (!context.has('broker.claimBlocking')) return
      // null is its word for "closed" while it waits, and as good after
      const late = await node.broker.claimBlocking!('mail', 'c', LONG, 1_000).catch(
        (error: { code?: string }) => error.code,
      )
      check.ok(
        late === null || late === 'CLOSED',
        'broker.claimBlocking after close gives null or rejects CLOSED',
        late,
      )
    },
  },
  'borrowed-client-stays-open': {
    rule: 'close ends only what the adapter opened itself: a client handed in by the user stays open and usable.',
    why: 'The rest of the application goes on with that client.',
    mistake: 'close ends whatever client it has',
    async run(context) {
      const { open, check, defer, notApplicable } = context
      const node = await open({ borrow: true })
      const { borrowed } = node
      if (!borrowed) return notApplicable('the target’s open() gives no `borrowed` client')
      defer(() => borrowed.end())
      for (const part of partsOf(context)) await touch(node, part)
      await node.close()
      check.equal(await borrowed.alive(), true, 'whether the client still answers after close')
      const again = await open()
      for (const part of partsOf(context))
        await check.resolves(touch(again, part), `a call to the ${part} of another node`)
    },
  },
  'reset-on-init-scope': {
    rule: 'resetOnInit clears this prefix only, once, at ready: neighbours stay, and so does what is written afterwards.',
    why: 'It is for tests, on servers that hold other things too.',
    mistake: 'FLUSHDB or TRUNCATE, or a prefix that begins like this one is cleared as well',
    async run(context) {
      const { node, check, open, openElsewhere, namespace } = context
      const parts = partsOf(context)
      const neighbour = await openElsewhere(`${namespace}2`)
      for (const one of [node, neighbour]) {
        if (parts.includes('storage')) await one.storage.save('jobs', 'old', { n: 1 })
        if (parts.includes('broker')) await one.broker.publish('mail', 'old')
        if (parts.includes('lock')) await one.lock.acquire('leader', 'old', LONG)
      }
      const reset = await open({ resetOnInit: true })
      if (parts.includes('storage')) {
        check.equal(await reset.storage.list('jobs'), [], 'list after resetOnInit')
        check.equal(
          await neighbour.storage.get('jobs', 'old'),
          { n: 1 },
          'a record of the neighbouring prefix',
        )
        await reset.storage.save('jobs', 'new', { n: 2 })
      }
      if (parts.includes('broker')) {
        check.equal(await reset.broker.claim('mail', 'c', 5, LONG), [], 'claim after resetOnInit')
        check.equal(
          await neighbour.broker.claim('mail', 'c', 5, LONG),
          ['old'],
          'claim in the neighbouring prefix',
        )
      }
      if (parts.includes('lock')) {
        check.equal(await reset.lock.isOwner('leader', 'old'), false, 'isOwner after resetOnInit')
        check.equal(await neighbour.lock.isOwner('leader', 'old'), true, 'isOwner in the neighbouring prefix')
      }
      for (const part of parts) await (reset[part] as Lifecycle).ready?.()
      if (parts.includes('storage'))
        check.equal(
          await reset.storage.get('jobs', 'new'),
          { n: 2 },
          'a record saved after the reset, ready having been called again',
        )
    },
  },
  'no-leaked-handles': {
    rule: 'Opened, used and closed, an adapter leaves no timer, socket or listener behind.',
    why: 'A process would not end by itself, and one that opens many adapters runs out of sockets.',
    mistake: 'a poll timer or a subscriber connection is forgotten at close',
    alone: true,
    async run(context) {
      const { check, eventually } = context
      const parts = partsOf(context)
      const count = (): Map<string, number> => {
        const counts = new Map<string, number>()
        for (const kind of process.getActiveResourcesInfo()) counts.set(kind, (counts.get(kind) ?? 0) + 1)
        return counts
      }
      const cycle = async (): Promise<void> => {
        const node = await context.openElsewhere()
        for (const part of parts) {
          for (const [, call] of calls(node, part))
            await call().catch((error: { code?: string }) =>
              check.equal(error.code, 'LEASE_LOST', 'the code of a rejection'),
            )
          if (part === 'broker' && context.has('broker.subscribe'))
            await node.broker.subscribe!(['mail'], () => undefined)
          if (part === 'broker' && context.has('broker.claimBlocking'))
            await node.broker.claimBlocking!('idle', 'c', LONG, 1)
        }
        await node.close()
      }
      // what is opened once for the process (a DNS lookup, a pool of the target's own) is no leak
      await cycle()
      const before = count()
      for (let n = 0; n < 5; n++) await cycle()
      const left = (): string[] =>
        [...count()]
          // the kit's own waits come and go; five cycles leave five of what is leaked
          .filter(([kind, n]) => n - (before.get(kind) ?? 0) >= 4)
          .map(([kind, n]) => `${n - (before.get(kind) ?? 0)} × ${kind}`)
      await eventually(() => left().length === 0, 'handles to be gone', 3_000).catch(() =>
        check.equal(left(), [], 'handles left by five nodes that were opened, used and closed'),
      )
    },
  },
})
