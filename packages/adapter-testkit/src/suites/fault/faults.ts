import { type Case, type Context, LONG, type Node, suite } from '../../case.ts'
import { type FaultProxy, startProxy } from '../../faults/proxy.ts'

/** Core's default deadline is 10 s; what is slower than this hangs. */
const DEADLINE = 13_000

/** A node behind a proxy, which works; `node` goes straight to the server. */
async function behindProxy(context: Context): Promise<{ proxy: FaultProxy; via: Node }> {
  const proxy = await startProxy({ upstream: context.target.upstream!, seed: context.random.int(1, 2 ** 30) })
  context.defer(async () => {
    proxy.set('pass')
    await proxy.close()
  })
  const via = await context.open({ endpoint: proxy.endpoint })
  await Promise.all(operations(context, via, 'warm').map(([, call]) => call()))
  if (proxy.connections === 0)
    context.notApplicable('the target read `endpoint`, but nothing connected through it')
  return { proxy, via }
}

/** One writing call of each part. */
function operations({ has }: Context, node: Node, id: string): [string, () => Promise<unknown>][] {
  const calls: [string, () => Promise<unknown>][] = []
  if (has('storage')) calls.push(['storage.save', () => node.storage.save('jobs', id, { id })])
  if (has('broker')) {
    calls.push(['broker.publish', () => node.broker.publish('mail', id)])
    calls.push(['broker.claim', () => node.broker.claim(`empty-${id}`, 'c', 1, LONG)])
  }
  if (has('lock')) calls.push(['lock.acquire', () => node.lock.acquire(id, 'owner', LONG)])
  return calls
}

async function works(context: Context, node: Node, what: string): Promise<void> {
  for (const [name, call] of operations(context, node, `works ${context.random.text(6)}`))
    await context.eventually(
      () =>
        call().then(
          () => true,
          () => false,
        ),
      `${name} ${what}`,
      DEADLINE,
    )
}

export const faultCases: readonly Case[] = [
  ...suite('fault', ['proxy'], {
    'before-send': {
      rule: 'While the server cannot be reached every call rejects UNAVAILABLE within its deadline; afterwards the same adapter works again.',
      why: 'Core backs off and goes on; a hung or untyped failure stops a worker for good.',
      mistake: 'the driver’s own error comes through, or commands queue up until the server is back',
      timeoutMs: 90_000,
      async run(context) {
        const { check, within } = context
        const { proxy, via } = await behindProxy(context)
        proxy.set('refuse')
        await Promise.all(
          operations(context, via, 'never').map(([name, call]) =>
            check.rejects(
              within(call(), `${name} while the server is away`, DEADLINE),
              'UNAVAILABLE',
              `${name} while the server is away`,
            ),
          ),
        )
        proxy.set('pass')
        await works(context, via, 'after the server is back')
      },
    },
    'after-send': {
      rule: 'When a reply is lost the call rejects UNAVAILABLE with ambiguous: true, or resolves rightly; repeated, it is harmless.',
      why: 'Repeating an enqueue with the same id must make one job, not two.',
      mistake:
        'the driver sends the command again by itself: what is not idempotent happens twice, or answers "no" to its own "yes"',
      timeoutMs: 90_000,
      async run(context) {
        const { check, has, node, within, eventually } = context
        const { proxy, via } = await behindProxy(context)
        const lose = async (name: string, call: () => Promise<unknown>): Promise<unknown> => {
          proxy.set('drop-reply')
          const answer = call().then(
            (value) => ({ value }),
            (error: { code?: string; ambiguous?: boolean; message?: string }) => ({ error }),
          )
          await within(Promise.race([proxy.hit(), answer]), `${name} reaching the server`, DEADLINE)
          proxy.set('pass')
          const seen = await within(answer, `${name} whose reply was lost`, DEADLINE)
          if (!('error' in seen)) return seen.value
          check.equal(
            [seen.error.code, seen.error.ambiguous],
            ['UNAVAILABLE', true],
            `code and ambiguous of ${name} whose reply was lost`,
          )
          return undefined
        }
        if (has('storage')) {
          await lose('storage.save', () => via.storage.save('jobs', 'a', { n: 1 }))
          await eventually(
            () =>
              via.storage.save('jobs', 'a', { n: 1 }).then(
                () => true,
                () => false,
              ),
            'storage.save repeated',
            DEADLINE,
          )
          check.equal(
            await node.storage.list('jobs', { n: 1 }),
            [{ n: 1 }],
            'records after the save and its repeat',
          )
        }
        if (has('storage') && has('storage.compareAndSet')) {
          await node.storage.save('jobs', 'c', { rev: 1 })
          const answer = await lose('storage.compareAndSet', () =>
            via.storage.compareAndSet!('jobs', 'c', 1, { rev: 2, by: 'via' }),
          )
          const stored = await node.storage.get<{ rev: number }>('jobs', 'c')
          if (answer !== undefined)
            check.equal(
              answer,
              stored?.rev === 2,
              'the answer of compareAndSet, against whether it was applied',
            )
        }
        if (has('broker')) {
          await lose('broker.publish', () => via.broker.publish('mail', 'b'))
          await eventually(
            () =>
              via.broker.publish('mail', 'b').then(
                () => true,
                () => false,
              ),
            'broker.publish repeated',
            DEADLINE,
          )
          const claimed = await node.broker.claim('mail', 'c', 50, LONG)
          check.equal(
            claimed.filter((id) => id === 'b'),
            ['b'],
            'the id in a claim after the publish and its repeat',
          )
        }
        if (has('lock')) {
          await lose('lock.acquire', () => via.lock.acquire('lost', 'me', LONG))
          await eventually(
            () => via.lock.acquire('lost', 'me', LONG).catch(() => false),
            'lock.acquire repeated by the same owner',
            DEADLINE,
          )
        }
      },
    },
    slow: {
      rule: 'Over a slow connection, or one that delivers byte by byte, everything still works.',
      why: 'Networks between regions are like that.',
      mistake: 'a reply is parsed as if it came in one piece, or a deadline is shorter than the way',
      timeoutMs: 90_000,
      async run(context) {
        const { check, has } = context
        const { proxy, via } = await behindProxy(context)
        for (const fault of ['latency', 'byte-by-byte'] as const) {
          proxy.set(fault)
          if (has('storage')) {
            const value = { fault, text: 'é😀'.repeat(50), at: new Date(5) }
            await via.storage.save('jobs', fault, value)
            check.equal(await via.storage.get('jobs', fault), value, `a record saved and read with ${fault}`)
          }
          if (has('broker')) {
            await via.broker.publish(fault, 'a')
            check.equal(await via.broker.claim(fault, 'c', 5, LONG), ['a'], `claim with ${fault}`)
          }
          if (has('lock'))
            check.equal(await via.lock.acquire(fault, 'a', LONG), true, `acquire with ${fault}`)
        }
      },
    },
    hang: {
      rule: 'When the server takes requests and never answers, every call rejects UNAVAILABLE within its deadline (10 s), ambiguous.',
      why: 'A frozen server must cost a deadline, not a worker.',
      mistake: 'the driver waits for ever once the request is written: every call needs its own deadline',
      timeoutMs: 120_000,
      async run(context) {
        const { check, within, has } = context
        const { proxy, via } = await behindProxy(context)
        proxy.set('black-hole')
        const calls = operations(context, via, 'hung')
        if (has('broker.claimBlocking'))
          calls.push([
            'broker.claimBlocking',
            () =>
              via.broker.claimBlocking!('idle', 'c', LONG, 500).then((id) =>
                id === null ? Promise.reject({ code: 'UNAVAILABLE' }) : id,
              ),
          ])
        await Promise.all(
          calls.map(([name, call]) =>
            check.rejects(
              within(call(), `${name} against a frozen server`, DEADLINE + 2_000),
              'UNAVAILABLE',
              `${name} against a frozen server`,
            ),
          ),
        )
        proxy.set('reset')
        proxy.set('pass')
        await works(context, via, 'after the server is back')
      },
    },
    reconnect: {
      rule: 'After every connection was broken the adapter connects again by itself: calls, waiting claims and wakes work as before.',
      why: 'Servers fail over; workers are not restarted for it.',
      mistake: 'the subscription, or the connection that waits, is not made again',
      timeoutMs: 90_000,
      async run(context) {
        const { check, has, within, node, eventually } = context
        const { proxy, via } = await behindProxy(context)
        const heard: string[] = []
        if (has('broker') && has('broker.subscribe')) {
          const stop = await via.broker.subscribe!(['woken'], (name) => heard.push(name))
          context.defer(() => stop())
        }
        proxy.set('refuse')
        proxy.set('pass')
        await works(context, via, 'after every connection was broken')
        if (has('broker') && has('broker.subscribe')) {
          let n = 0
          await eventually(
            async () => {
              await node.broker.publish('woken', `j${n++}`)
              await context.stays(new Promise(() => undefined), 'nothing')
              return heard.length > 0
            },
            'a wake after every connection was broken',
            DEADLINE,
          )
        }
        if (has('broker') && has('broker.claimBlocking')) {
          const waiting = via.broker.claimBlocking!('waited', 'c', LONG, 60_000)
          await context.stays(waiting, 'claimBlocking of an empty queue')
          await node.broker.publish('waited', 'a')
          check.equal(
            await within(waiting, 'claimBlocking after a reconnect', DEADLINE),
            'a',
            'what it resolves to',
          )
        }
      },
    },
  }),
  ...suite('fault', ['broker'], {
    'kill-after-claim': {
      rule: 'What a process had claimed when it was killed is claimable by others once its lease ended, all of it, once.',
      why: 'kill -9, a lost machine and a power cut are how workers really end.',
      mistake: 'claims are bound to a connection or session, or are given back by the process that is gone',
      timeoutMs: 60_000,
      async run(context) {
        const { check, broker, openKillable, ttl, expire } = context
        const dying = await openKillable()
        const all = Array.from({ length: 10 }, (_, n) => `j${n}`)
        for (const id of all) await broker.publish('mail', id)
        check.sameMembers(
          await dying.broker.claim('mail', 'dying', 10, ttl),
          all,
          'what the dying node claims',
        )
        await dying.kill()
        await expire(ttl)
        check.sameMembers(
          await broker.claim('mail', 'survivor', 20, LONG),
          all,
          'what another claims after the leases ended',
        )
        check.equal(await broker.claim('mail', 'survivor', 20, LONG), [], 'a further claim')
      },
    },
    'kill-before-ack': {
      rule: 'Work whose process was killed before its ack is delivered again; what was acknowledged before is not.',
      why: 'At-least-once means just that.',
      mistake: 'the id is acknowledged at the claim, or acks are buffered in the process and said to be done',
      timeoutMs: 60_000,
      async run(context) {
        const { check, broker, openKillable, ttl, expire } = context
        const dying = await openKillable()
        for (const id of ['a', 'b', 'c']) await broker.publish('mail', id)
        check.equal(
          await dying.broker.claim('mail', 'dying', 3, ttl),
          ['a', 'b', 'c'],
          'what the dying node claims',
        )
        await dying.broker.ack('mail', 'a')
        await dying.broker.nack('mail', 'b', LONG)
        await dying.kill()
        await expire(ttl)
        check.equal(
          await broker.claim('mail', 'survivor', 5, LONG),
          ['c'],
          'what another claims after the lease ended',
        )
      },
    },
  }),
]
