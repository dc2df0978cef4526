import type { IBrokerEngine } from '@sched/core/adapter'
import { type Case, type Context, LONG, suite } from '../../case.ts'
import { ids, leaseOf, publishAll } from '../broker/queue.ts'
import { turns } from './turns.ts'

async function brokers(context: Context, n: number): Promise<IBrokerEngine[]> {
  const more = await Promise.all(Array.from({ length: n - 1 }, () => context.open()))
  return [context.broker, ...more.map((node) => node.broker)]
}

export const brokerRaceCases: readonly Case[] = suite('race', ['broker'], {
  'claim-disjoint': {
    rule: 'However many claim at once, over all nodes, each id is given to exactly one of them.',
    why: 'A job given to two workers runs twice.',
    mistake: 'SELECT, then UPDATE; or SKIP LOCKED without a lock on what is skipped',
    async run(context) {
      const { check, random } = context
      const nodes = await brokers(context, 4)
      const all = ids(160)
      await Promise.all(all.map((id) => nodes[0]!.publish('mail', id)))
      const seen: string[] = []
      const consume = async (n: number): Promise<void> => {
        for (let empty = 0; empty < 3; ) {
          const claimed = await nodes[n % 4]!.claim('mail', `c${n}`, random.int(1, 7), LONG)
          seen.push(...claimed)
          if (claimed.length === 0) empty++
          await turns(context)
        }
      }
      await Promise.all(Array.from({ length: 12 }, (_, n) => consume(n)))
      check.distinct(seen, 'what twelve consumers were given')
      check.sameMembers(seen, all, 'what all were given')
    },
  },
  'no-loss': {
    rule: 'Through publishes, claims, acks, nacks and consumers that die, no id is lost, and none comes back after its ack.',
    why: 'It is the promise of at-least-once.',
    mistake: 'an id is in neither structure for a moment, and a crash or a second step leaves it there',
    timeoutMs: 60_000,
    async run(context) {
      const { check, random, ttl, expire, broker } = context
      const nodes = await brokers(context, 3)
      const all = ids(120)
      const acked: string[] = []
      const again = new Set<string>()
      const produce = async (): Promise<void> => {
        for (const [n, id] of all.entries()) {
          await broker.publish('mail', id, random.bool(0.2) ? random.int(1, 3) : 0, random.int(-2, 2))
          if (random.bool(0.5)) {
            // a recent one: it may be waiting, leased or done by now
            const known = all[random.int(Math.max(0, n - 6), n)]!
            again.add(known)
            await nodes[1]!.publish('mail', known)
          }
          await turns(context)
        }
      }
      const consume = async (n: number): Promise<void> => {
        const node = nodes[n % 3]!
        for (let round = 0; round < 60; round++) {
          // a consumer that dies claims for a short time and says no more
          const dies = random.bool(0.15)
          for (const id of await node.claim('mail', `c${n}`, random.int(1, 4), dies ? ttl : LONG)) {
            if (dies) continue
            if (random.bool(0.35)) await node.nack('mail', id, random.bool(0.3) ? 1 : 0)
            else {
              await node.ack('mail', id)
              acked.push(id)
            }
          }
          await turns(context)
        }
      }
      await Promise.all([produce(), ...Array.from({ length: 6 }, (_, n) => consume(n))])
      await expire(ttl)
      const rest = await context.drain('mail')
      check.distinct(rest, 'what is left to claim')
      check.sameMembers([...new Set([...acked, ...rest])], all, 'what was acknowledged or is left to claim')
      const back = acked
        .filter((id, at) => acked.indexOf(id) !== at)
        .concat(rest.filter((id) => acked.includes(id)))
      check.equal(
        back.filter((id) => !again.has(id)),
        [],
        'ids that came back after their ack, without having been published again',
      )
    },
  },
  'ack-vs-expiry': {
    rule: 'At the end of a lease either its ack is accepted or the id is given to another: never both, never neither.',
    why: 'Both: a finished job runs again and its ack is lost. Neither: the job is gone.',
    mistake: 'ack reads the lease and deletes in two steps',
    needs: ['broker.claimLeases', 'receipts'],
    async run(context) {
      const { check, random, pass, timing } = context
      const nodes = await brokers(context, 2)
      const rounds = context.target.hooks?.advance ? 25 : 6
      const round = async (n: number): Promise<void> => {
        const queue = `mail-${n}`
        await nodes[0]!.publish(queue, 'a')
        const leaseMs = context.ttl
        const lease = await leaseOf(nodes[0]!, check, queue, 'a', { leaseMs })
        await pass(
          Math.max(
            1,
            leaseMs + random.int(-2, 2) - (context.target.hooks?.advance ? 0 : timing.resolutionMs),
          ),
        )
        const [acked, claimed] = await Promise.all([
          turns(context).then(() => nodes[0]!.ack(queue, 'a', lease.receipt)),
          turns(context).then(() => nodes[1]!.claim(queue, 'd', 1, LONG)),
        ])
        await pass(timing.resolutionMs + 5)
        const later = await nodes[1]!.claim(queue, 'd', 1, LONG)
        const given = [...claimed, ...later]
        check.equal(
          given,
          acked === true ? [] : ['a'],
          `what another was given, the ack at the end of the lease having resolved ${acked}`,
        )
      }
      if (context.target.hooks?.advance) for (let n = 0; n < rounds; n++) await round(n)
      else await Promise.all(Array.from({ length: rounds }, (_, n) => round(n)))
    },
  },
  'extend-vs-expiry': {
    rule: 'At the end of a lease either extendLock is accepted or the id is claimable: never both, never neither.',
    why: 'Both: two workers run the job, each with a live lease.',
    mistake: 'extendLock checks the end and writes in two steps',
    async run(context) {
      const { check, random, pass, timing } = context
      const nodes = await brokers(context, 2)
      const rounds = context.target.hooks?.advance ? 25 : 6
      const round = async (n: number): Promise<void> => {
        const queue = `mail-${n}`
        await nodes[0]!.publish(queue, 'a')
        check.equal(await nodes[0]!.claim(queue, 'c', 1, context.ttl), ['a'], 'the claim')
        await pass(
          Math.max(
            1,
            context.ttl + random.int(-2, 2) - (context.target.hooks?.advance ? 0 : timing.resolutionMs),
          ),
        )
        const [extended, claimed] = await Promise.all([
          turns(context)
            .then(() => nodes[0]!.extendLock('a', 'c', LONG, queue))
            .then(
              () => true,
              (error: { code?: string }) => {
                check.equal(error.code, 'LEASE_LOST', 'the code with which extendLock rejects')
                return false
              },
            ),
          turns(context).then(() => nodes[1]!.claim(queue, 'd', 1, LONG)),
        ])
        await pass(timing.resolutionMs + 5)
        const later = await nodes[1]!.claim(queue, 'd', 1, LONG)
        check.equal(
          [...claimed, ...later],
          extended ? [] : ['a'],
          `what another was given, extendLock having ${extended ? 'resolved' : 'rejected'}`,
        )
      }
      if (context.target.hooks?.advance) for (let n = 0; n < rounds; n++) await round(n)
      else await Promise.all(Array.from({ length: rounds }, (_, n) => round(n)))
    },
  },
  'pause-vs-claim': {
    rule: 'While many claim, no claim started after pause resolved gives anything, and no id is lost.',
    why: 'An operator who sees "paused" must be able to rely on it.',
    mistake: 'workers learn of the pause by a message, some time later',
    async run(context) {
      const { check, broker } = context
      const nodes = await brokers(context, 3)
      const all = ids(90)
      await publishAll(broker, 'mail', all)
      let paused = false
      let stop = false
      const seen: string[] = []
      const after: string[] = []
      const consume = async (n: number): Promise<void> => {
        for (let rounds = 0; !stop && rounds < 200; rounds++) {
          const startedAfter = paused
          const claimed = await nodes[n % 3]!.claim('mail', `c${n}`, 1, LONG)
          seen.push(...claimed)
          if (startedAfter) after.push(...claimed)
          await turns(context)
        }
      }
      const consumers = Promise.all(Array.from({ length: 6 }, (_, n) => consume(n)))
      // awaited below; a failure before that has its own message
      consumers.catch(() => undefined)
      for (let n = 0; n < 5; n++) await turns(context)
      await nodes[1]!.pause('mail')
      paused = true
      await context.stays(new Promise(() => undefined), 'nothing')
      stop = true
      await consumers
      check.equal(after, [], 'what claims gave that started after pause had resolved')
      await broker.resume('mail')
      const rest: string[] = []
      for (
        let claimed = await broker.claim('mail', 'last', 50, LONG);
        claimed.length > 0;
        claimed = await broker.claim('mail', 'last', 50, LONG)
      )
        rest.push(...claimed)
      check.sameMembers([...seen, ...rest], all, 'what was given before the pause and after resume')
    },
  },
  'promote-storm': {
    rule: 'When hundreds of ids come due together, each is given exactly once, at once, whoever is waiting.',
    why: 'The full hour is when schedulers break.',
    mistake: 'due ids are moved by a read and a write, or a bounded batch leaves the rest behind',
    async run(context) {
      const { check, broker, fits, expire, random } = context
      const nodes = await brokers(context, 4)
      await fits(async ({ ttl, live, name }) => {
        const queue = name('mail')
        const all = ids(300)
        await Promise.all(all.map((id, n) => nodes[n % 4]!.publish(queue, id, ttl, random.int(-3, 3))))
        live()
        await expire(ttl)
        const claims = await Promise.all(
          Array.from({ length: 16 }, (_, n) => nodes[n % 4]!.claim(queue, `c${n}`, 10, LONG)),
        )
        const seen = claims.flat()
        check.distinct(seen, 'what sixteen claims at once gave')
        check.equal(seen.length, 160, 'how many sixteen claims of ten gave, 300 being due')
        for (
          let claimed = await broker.claim(queue, 'last', 100, LONG);
          claimed.length > 0;
          claimed = await broker.claim(queue, 'last', 100, LONG)
        )
          seen.push(...claimed)
        check.sameMembers(seen, all, 'what all claims gave')
      })
    },
  },
  'multi-process': {
    rule: 'All this holds between processes: what one publishes the others claim, each id once, and one owner holds a lock.',
    why: 'Workers are processes on several machines.',
    mistake: 'state that only looks shared: a static map, a file lock that is per process',
    needs: ['processes'],
    timeoutMs: 90_000,
    alone: true,
    async run(context) {
      const { check, broker, openKillable, random, has } = context
      const others = await Promise.all([openKillable(), openKillable(), openKillable()])
      const all = ids(120)
      await Promise.all(all.map((id, n) => (n % 2 === 0 ? broker : others[0]!.broker).publish('mail', id)))
      const seen: string[] = []
      const consume = async (n: number): Promise<void> => {
        const node = n % 4 === 3 ? broker : others[n % 4]!.broker
        for (let empty = 0; empty < 3; ) {
          const claimed = await node.claim('mail', `c${n}`, random.int(1, 5), LONG)
          seen.push(...claimed)
          if (claimed.length === 0) empty++
        }
      }
      await Promise.all(Array.from({ length: 8 }, (_, n) => consume(n)))
      check.distinct(seen, 'what eight consumers in four processes were given')
      check.sameMembers(seen, all, 'what all were given')
      if (has('storage')) {
        await others[1]!.storage.save('jobs', 'a', { at: new Date(5), list: [] })
        check.equal(
          await others[2]!.storage.get('jobs', 'a'),
          { at: new Date(5), list: [] },
          'a record that another process saved',
        )
      }
      if (has('lock')) {
        const won = await Promise.all(others.map((node, n) => node.lock.acquire('leader', `o${n}`, LONG)))
        check.equal(won.filter(Boolean).length, 1, 'how many of three processes acquire a lock')
      }
    },
  },
  'pool-exhaustion': {
    rule: 'Many waiting claims and many calls at once, more than any pool has connections, all get their answers.',
    why: 'Waiting workers must not eat the connections that acknowledge their jobs.',
    mistake: 'each blocked claim holds a connection of the pool, and the rest wait for one for ever',
    timeoutMs: 60_000,
    async run(context) {
      const { check, broker, has, within, timing } = context
      const waiting = has('broker.claimBlocking')
        ? Array.from({ length: 40 }, (_, n) => broker.claimBlocking!(`idle-${n % 5}`, `w${n}`, LONG, 120_000))
        : []
      const work = Array.from({ length: 150 }, async (_, n) => {
        const queue = `busy-${n % 7}`
        await broker.publish(queue, `j${n}`)
        const claimed = await broker.claim(queue, 'c', 1, LONG)
        for (const id of claimed) await broker.ack(queue, id)
        return claimed
      })
      const claimed = await within(
        Promise.all(work),
        '150 times publish, claim and ack beside 40 waiting claims',
        timing.signalMs * 3,
      )
      check.distinct(claimed.flat(), 'what was claimed meanwhile')
      if (waiting.length === 0) return
      for (let n = 0; n < 40; n++) await broker.publish(`idle-${n % 5}`, `wake-${n}`)
      const woken = await within(
        Promise.all(waiting),
        '40 waiting claims after 40 publishes',
        timing.signalMs * 2,
      )
      check.sameMembers(
        woken as string[],
        Array.from({ length: 40 }, (_, n) => `wake-${n}`),
        'what the waiting claims gave',
      )
    },
  },
})
