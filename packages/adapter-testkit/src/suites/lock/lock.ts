import type { ILockAdapter } from '@sched/core/adapter'
import { type Case, LONG, suite } from '../../case.ts'

export const lockCases: readonly Case[] = suite('lock', ['lock'], {
  free: {
    rule: 'acquire of a free key resolves true and makes the owner the owner.',
    why: 'The first worker becomes the leader; if nobody can, nothing is swept.',
    mistake: 'the answer of the driver (a count, an OK) is not turned into true',
    async run({ lock, check, open }) {
      check.equal(await lock.isOwner('leader', 'a'), false, 'isOwner of a key nobody ever took')
      check.equal(await lock.acquire('leader', 'a', LONG), true, 'acquire of a free key')
      check.equal(await lock.isOwner('leader', 'a'), true, 'isOwner of the owner')
      check.equal(await lock.isOwner('leader', 'b'), false, 'isOwner of somebody else')
      const other = await open()
      check.equal(
        await other.lock.isOwner('leader', 'a'),
        true,
        'isOwner of the owner, asked on another node',
      )
      check.equal(await lock.acquire('another', 'b', LONG), true, 'acquire of another key')
    },
  },
  held: {
    rule: 'acquire of a key that another owner holds resolves false and changes nothing, on every node.',
    why: 'Two leaders do every sweep twice.',
    mistake: 'the lock lives in the process, or the write is not conditional',
    async run({ lock, check, open }) {
      const other = await open()
      await lock.acquire('leader', 'a', LONG)
      check.equal(await other.lock.acquire('leader', 'b', LONG), false, 'acquire on another node')
      check.equal(await lock.acquire('leader', 'b', LONG), false, 'acquire on the same node')
      check.equal(await lock.isOwner('leader', 'a'), true, 'isOwner of the owner afterwards')
      check.equal(await other.lock.isOwner('leader', 'b'), false, 'isOwner of the one refused')
    },
  },
  'reentrant-renews': {
    rule: 'The live owner acquiring again resolves true and holds the key for the new TTL.',
    why: 'A leader whose first answer was lost asks again; refused, it would wait for itself.',
    mistake: 'SET NX without looking at who holds it, or true without a new end',
    async run({ check, lock, fits, expire }) {
      await fits(async ({ ttl, live, name }) => {
        const key = name('leader')
        check.equal(await lock.acquire(key, 'a', ttl), true, 'the first acquire')
        check.equal(await lock.acquire(key, 'a', LONG), true, 'the same owner acquiring again')
        live()
        await expire(ttl)
        check.equal(await lock.isOwner(key, 'a'), true, 'isOwner after the first TTL ended')
        check.equal(await lock.acquire(key, 'b', LONG), false, 'acquire by another after the first TTL ended')
      })
    },
  },
  'expire-then-acquire': {
    rule: 'A lease holds for its TTL and then ends by itself: another owner can acquire.',
    why: 'A leader that died must be replaced, and one that lives must not.',
    mistake: 'no TTL, a TTL in seconds taken as milliseconds, or an expired row still counts',
    async run({ check, lock, fits, expire, open }) {
      const other = await open()
      await fits(async ({ ttl, live, name }) => {
        const key = name('leader')
        check.equal(await lock.acquire(key, 'a', ttl), true, 'acquire')
        check.equal(await other.lock.acquire(key, 'b', ttl), false, 'acquire by another inside the TTL')
        live()
        await expire(ttl)
        check.equal(await other.lock.acquire(key, 'b', LONG), true, 'acquire by another after the TTL')
        check.equal(await lock.isOwner(key, 'a'), false, 'isOwner of the former owner')
        check.equal(await lock.acquire(key, 'a', LONG), false, 'acquire by the former owner')
      })
    },
  },
  renew: {
    rule: 'renew by the live owner resolves true and sets the end to now plus the TTL.',
    why: 'Leadership lasts as long as its renewals.',
    mistake: 'true without writing the new end',
    async run({ check, lock, fits, expire, open }) {
      const other = await open()
      await fits(async ({ ttl, live, name }) => {
        const key = name('leader')
        await lock.acquire(key, 'a', ttl)
        check.equal(await other.lock.renew(key, 'a', LONG), true, 'renew inside the TTL, on another node')
        live()
        await expire(ttl)
        check.equal(await lock.isOwner(key, 'a'), true, 'isOwner after the first TTL')
        check.equal(await other.lock.acquire(key, 'b', LONG), false, 'acquire by another after the first TTL')
      })
    },
  },
  'end-is-set': {
    rule: 'renew, and the owner acquiring again, set the end to now plus the TTL: it is neither added to the old one, nor is the longer kept.',
    why: 'A leader that asks for a short lease before it stops must not block its successor for the long one.',
    mistake: 'the TTL is added to the old end, or only a later end is written',
    async run({ check, lock, fits, expire, open }) {
      const other = await open()
      await fits(async ({ ttl, live, name }) => {
        const [renewed, again] = [name('renewed'), name('again')]
        for (const key of [renewed, again]) await lock.acquire(key, 'a', LONG)
        check.equal(await lock.renew(renewed, 'a', ttl), true, 'renew to a shorter TTL')
        check.equal(await lock.acquire(again, 'a', ttl), true, 'acquire again with a shorter TTL')
        live()
        await expire(ttl)
        for (const key of [renewed, again]) {
          check.equal(await lock.isOwner(key, 'a'), false, `isOwner after the shorter TTL (${key})`)
          check.equal(
            await other.lock.acquire(key, 'b', LONG),
            true,
            `acquire by another after the shorter TTL (${key})`,
          )
        }
      })
    },
  },
  'renew-expired': {
    rule: 'renew resolves false once the lease has expired, even if nobody took the lock, and does not revive it.',
    why: 'An owner that slept past its end cannot know what happened meanwhile.',
    mistake: 'renew compares the owner and forgets the end',
    async run({ check, lock, ttl, expire, open }) {
      await lock.acquire('leader', 'a', ttl)
      await expire(ttl)
      check.equal(await lock.renew('leader', 'a', LONG), false, 'renew after the TTL')
      check.equal(await lock.isOwner('leader', 'a'), false, 'isOwner after that renew')
      check.equal(await lock.renew('nothing', 'a', LONG), false, 'renew of a key nobody ever took')
      check.equal(
        await (await open()).lock.acquire('leader', 'b', LONG),
        true,
        'acquire by another afterwards',
      )
      check.equal(
        await lock.renew('leader', 'a', LONG),
        false,
        'renew by the former owner, now that another holds it',
      )
      check.equal(await lock.isOwner('leader', 'b'), true, 'isOwner of the new owner afterwards')
    },
  },
  'renew-foreign': {
    rule: 'renew by anyone but the owner resolves false and changes nothing: the owner’s end stays.',
    why: 'A stranger’s renewals would keep a dead leader alive.',
    mistake: 'renew sets the end by key alone',
    async run({ check, lock, ttl, expire }) {
      await lock.acquire('leader', 'a', ttl)
      check.equal(await lock.renew('leader', 'b', LONG), false, 'renew by another')
      await expire(ttl)
      check.equal(await lock.isOwner('leader', 'a'), false, 'isOwner of the owner after its own TTL')
      check.equal(await lock.isOwner('leader', 'b'), false, 'isOwner of the other')
      check.equal(await lock.acquire('leader', 'c', LONG), true, 'acquire by a third after the TTL')
    },
  },
  release: {
    rule: 'release by the owner frees the key at once, and only that key.',
    why: 'At a rolling restart the next leader takes over without waiting for the TTL.',
    mistake: 'the row is only marked, or every lock of the owner goes',
    async run({ check, lock, open }) {
      const other = await open()
      await lock.acquire('one', 'a', LONG)
      await lock.acquire('two', 'a', LONG)
      const answer: unknown = await lock.release('one', 'a')
      check.equal(answer ?? null, null, 'what release resolves to')
      check.equal(await lock.isOwner('one', 'a'), false, 'isOwner after release')
      check.equal(await other.lock.acquire('one', 'b', LONG), true, 'acquire by another after release')
      check.equal(await lock.isOwner('two', 'a'), true, 'isOwner of the key that was not released')
    },
  },
  'release-foreign': {
    rule: 'release by anyone but the owner does nothing: a foreign lease is never released.',
    why: 'A leader that was thought dead wakes up, cleans up, and would free its successor’s lock.',
    mistake: 'release deletes by key without comparing the owner',
    async run({ check, lock, ttl, expire }) {
      await lock.acquire('leader', 'a', LONG)
      await check.resolves(lock.release('leader', 'b'), 'release by another')
      check.equal(await lock.isOwner('leader', 'a'), true, 'isOwner of the owner afterwards')
      check.equal(await lock.acquire('leader', 'b', LONG), false, 'acquire by the other afterwards')
      await lock.acquire('late', 'a', ttl)
      await expire(ttl)
      await lock.acquire('late', 'b', LONG)
      await check.resolves(lock.release('late', 'a'), 'release by the former owner, whose lease ended')
      check.equal(await lock.isOwner('late', 'b'), true, 'isOwner of the successor afterwards')
    },
  },
  'release-missing': {
    rule: 'Releasing a key nobody holds is no error, nor is releasing twice.',
    why: 'A stop in a hurry releases what may have expired.',
    mistake: 'release throws when nothing was deleted',
    async run({ check, lock }) {
      await check.resolves(lock.release('nothing', 'a'), 'release of a key nobody ever took')
      await lock.acquire('leader', 'a', LONG)
      await lock.release('leader', 'a')
      await check.resolves(lock.release('leader', 'a'), 'a second release')
      check.equal(await lock.acquire('leader', 'b', LONG), true, 'acquire afterwards')
    },
  },
  'owner-expired': {
    rule: 'isOwner is false once the lease has expired, even if nobody took the lock.',
    why: 'A paused leader asks before it acts.',
    mistake: 'isOwner compares the owner and forgets the end',
    async run({ check, lock, ttl, expire, open }) {
      await lock.acquire('leader', 'a', ttl)
      await expire(ttl)
      check.equal(await lock.isOwner('leader', 'a'), false, 'isOwner after the TTL')
      check.equal(
        await (await open()).lock.isOwner('leader', 'a'),
        false,
        'isOwner after the TTL, on another node',
      )
    },
  },
  'ttl-invalid': {
    rule: 'A TTL that is no positive integer rejects INVALID_ARGUMENT and takes nothing.',
    why: 'A TTL of 0 or NaN is a lock for ever on one backend and none on another.',
    mistake: 'the TTL reaches the server unchecked',
    async run({ check, lock, has }) {
      for (const bad of [0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, '1000' as unknown as number]) {
        await check.rejects(
          () => lock.acquire('leader', 'a', bad),
          'INVALID_ARGUMENT',
          `acquire with the TTL ${bad}`,
        )
        if (has('lock.acquireLease'))
          await check.rejects(
            () => lock.acquireLease!('leader', 'a', bad),
            'INVALID_ARGUMENT',
            `acquireLease with the TTL ${bad}`,
          )
      }
      check.equal(await lock.isOwner('leader', 'a'), false, 'isOwner after the rejected calls')
      await lock.acquire('leader', 'a', LONG)
      for (const bad of [0, -1, 1.5])
        await check.rejects(
          () => lock.renew('leader', 'a', bad),
          'INVALID_ARGUMENT',
          `renew with the TTL ${bad}`,
        )
      check.equal(await lock.isOwner('leader', 'a'), true, 'isOwner after the rejected renewals')
    },
  },
  'key-escape': {
    rule: 'Keys and owners are any text: different ones never meet, and neither does another prefix.',
    why: 'Keys are made of job types and user ids.',
    mistake: 'key and owner are joined, cut, folded in case or used as a pattern',
    async run({ check, lock, variant, openElsewhere }) {
      const long = 'k'.repeat((variant === 'namespaced' ? 512 : 1024) - 1)
      const keys = [
        'a',
        'b',
        'a:b',
        'x:b',
        'a/b',
        'a%3Ab',
        'A',
        'a*',
        'a?',
        'a_',
        'a%',
        "a'b",
        'a"b',
        'a\\b',
        'a b',
        'a b ',
        'é',
        'e\u0301',
        '😀',
        '{a}',
        '__proto__',
        'constructor',
        '__lock__',
        `${long}1`,
        `${long}2`,
      ]
      for (const [n, key] of keys.entries()) {
        check.equal(
          await lock.acquire(key, `owner-${n}`, LONG),
          true,
          `acquire of the key ${JSON.stringify(key)}`,
        )
      }
      for (const [n, key] of keys.entries())
        check.equal(
          await lock.isOwner(key, `owner-${n}`),
          true,
          `isOwner of the key ${JSON.stringify(key)} afterwards`,
        )
      await lock.release('a*', 'owner-4')
      check.equal(await lock.isOwner('a', 'owner-0'), true, 'isOwner of "a" after release of "a*"')
      await lock.acquire('owned', 'x:y', LONG)
      for (const owner of ['x', 'X:Y', 'x:y ', 'y', 'x%3Ay', 'x:*', '%'])
        check.equal(
          await lock.isOwner('owned', owner),
          false,
          `isOwner of ${JSON.stringify(owner)} where "x:y" owns`,
        )
      for (const bad of ['', 'a\0', '\ud800']) {
        await check.rejects(
          () => lock.acquire(bad, 'a', LONG),
          'INVALID_ARGUMENT',
          `acquire of the key ${JSON.stringify(bad)}`,
        )
        await check.rejects(
          () => lock.acquire('k', bad, LONG),
          'INVALID_ARGUMENT',
          `acquire by the owner ${JSON.stringify(bad)}`,
        )
      }
      const elsewhere = await openElsewhere()
      check.equal(
        await elsewhere.lock.acquire('a', 'b', LONG),
        true,
        'acquire of a held key under another prefix',
      )
      await elsewhere.lock.release('a', 'b')
      check.equal(await lock.isOwner('a', 'owner-0'), true, 'isOwner here after release under another prefix')
    },
  },
  'n-racers-one': {
    rule: 'Of many owners that race for a free or an expired key exactly one acquires it.',
    why: 'Two leaders at once are the one thing a lock is there to prevent.',
    mistake: 'acquire in two steps: look, then write',
    async run({ check, lock, ttl, expire, open, random }) {
      const nodes = [lock, (await open()).lock, (await open()).lock]
      for (let round = 0; round < 4; round++) {
        const key = `leader-${round}`
        if (round % 2 === 1) {
          await lock.acquire(key, 'former', ttl)
          await expire(ttl)
        }
        const owners = random.shuffle(Array.from({ length: 12 }, (_, n) => `o${n}`))
        const won = await Promise.all(
          owners.map((owner, n) => nodes[n % nodes.length]!.acquire(key, owner, LONG)),
        )
        const winners = owners.filter((_, n) => won[n])
        check.equal(
          winners.length,
          1,
          `how many of twelve racers acquire ${round % 2 === 1 ? 'an expired' : 'a free'} key`,
        )
        const owning: string[] = []
        for (const owner of owners) if (await lock.isOwner(key, owner)) owning.push(owner)
        check.equal(owning, winners, 'who owns it afterwards')
      }
    },
  },
  'reentrant-race': {
    rule: 'One owner acquiring from several places at once always succeeds, and nobody else gets in between.',
    why: 'A worker’s renewals and retries overlap.',
    mistake: 'the renewal deletes and writes anew, which leaves a gap',
    async run({ check, lock, open }) {
      const nodes = [lock, (await open()).lock]
      await lock.acquire('leader', 'a', LONG)
      const answers = await Promise.all(
        Array.from({ length: 24 }, (_, n) =>
          nodes[n % 2]!.acquire('leader', n % 3 === 0 ? 'b' : 'a', LONG).then((won) => [n % 3 !== 0, won]),
        ),
      )
      for (const [own, won] of answers)
        check.equal(won, own, own ? 'acquire by the owner' : 'acquire by another, meanwhile')
      check.equal(await lock.isOwner('leader', 'a'), true, 'isOwner afterwards')
    },
  },
})

const TOKEN_WHY =
  'The token is what storage compares: a leader that slept must carry a smaller one than its successor.'

async function token(lock: ILockAdapter, owner: string, ttlMs: number = LONG): Promise<number | null> {
  return (await lock.acquireLease!('leader', owner, ttlMs))?.token ?? null
}

export const lockTokenCases: readonly Case[] = suite('lock', ['lock', 'lock.acquireLease'], {
  'token-monotonic': {
    rule: 'acquireLease gives null while another owner is live, else a token that grows with every change of owner and never shrinks.',
    why: TOKEN_WHY,
    mistake: 'the token is random, or counted in the process',
    async run({ check, lock, ttl, expire, open }) {
      const nodes = [lock, (await open()).lock]
      let last = (await token(lock, 'a', ttl)) ?? -1
      check.ok(Number.isSafeInteger(last), 'the token is a safe integer', last)
      for (let round = 0; round < 4; round++) {
        const node = nodes[round % 2]!
        const owner = round % 2 === 0 ? 'a' : 'b'
        const again = await token(node, owner === 'a' ? 'a' : 'b', ttl)
        if (again !== null) {
          check.ok(again >= last, `the token of the live owner acquiring again is at least ${last}`, again)
          last = again
        }
        await expire(ttl)
        const next = await token(node, owner === 'a' ? 'b' : 'a', ttl)
        check.ok(next !== null && next > last, `the token after the lease ended is above ${last}`, next)
        last = next!
      }
      await expire(ttl)
      check.ok(((await token(lock, 'x')) ?? -1) > last, `the token of the last owner is above ${last}`)
      check.equal(
        await nodes[1]!.acquireLease!('leader', 'y', LONG),
        null,
        'acquireLease while another owner is live',
      )
      check.equal(await lock.isOwner('leader', 'x'), true, 'isOwner of the live owner afterwards')
    },
  },
  'token-and-plain': {
    rule: 'acquire and acquireLease take the same lock: each respects, renews and releases what the other took.',
    why: 'Half a cluster may run a version that asks for tokens, and half one that does not.',
    mistake: 'leases with tokens live in a place of their own',
    async run({ check, lock, open }) {
      const other = (await open()).lock
      check.equal(await lock.acquire('plain', 'a', LONG), true, 'acquire')
      check.equal(
        await other.acquireLease!('plain', 'b', LONG),
        null,
        'acquireLease of a key that acquire took',
      )
      const lease = await other.acquireLease!('plain', 'a', LONG)
      check.ok(
        lease !== null && Number.isSafeInteger(lease.token),
        'acquireLease by the owner gives a token',
        lease,
      )
      const first = (await lock.acquireLease!('leased', 'a', LONG))?.token ?? -1
      check.equal(await other.acquire('leased', 'b', LONG), false, 'acquire of a key that acquireLease took')
      check.equal(await other.isOwner('leased', 'a'), true, 'isOwner of it')
      check.equal(await other.renew('leased', 'a', LONG), true, 'renew of it')
      await other.release('leased', 'a')
      check.equal(await other.acquire('leased', 'b', LONG), true, 'acquire after its release')
      await other.release('leased', 'b')
      const next = (await lock.acquireLease!('leased', 'c', LONG))?.token ?? -1
      check.ok(next > first, `the token after a plain owner in between is above ${first}`, next)
    },
  },
  'token-survives-release': {
    rule: 'The token goes on growing over releases: the key remembers it although nobody holds it.',
    why: TOKEN_WHY,
    mistake: 'release deletes the row, and with it the last token',
    async run({ check, lock, open }) {
      const other = (await open()).lock
      let last = -1
      for (let round = 0; round < 6; round++) {
        const node = round % 2 === 0 ? lock : other
        const next = await token(node, `o${round}`)
        check.ok(next !== null && next > last, `the token after ${round} releases is above ${last}`, next)
        last = next!
        if (round % 3 === 2) {
          // an acquire without a token must not set the counter back either
          await node.release('leader', `o${round}`)
          await lock.acquire('leader', 'plain', LONG)
          await lock.release('leader', 'plain')
        } else await node.release('leader', `o${round}`)
      }
    },
  },
  'token-survives-restart': {
    rule: 'The token goes on growing after every node, and the server, has restarted.',
    why: TOKEN_WHY,
    mistake: 'the counter starts at 1 with the process; take max(last + 1, the server’s microseconds)',
    async run({ check, node, lock, open, has, target, namespace, notApplicable }) {
      if (!has('shared') && !has('hook.restart'))
        notApplicable('the adapter ends with its process, and the target has no hook restart')
      let last = -1
      for (const owner of ['a', 'b', 'c']) {
        last = (await token(lock, owner)) ?? last
        await lock.release('leader', owner)
      }
      await node.close()
      await target.hooks?.restart?.(namespace)
      const next = await token((await open()).lock, 'd')
      check.ok(next !== null && next > last, `the token after the restart is above ${last}`, next)
    },
  },
})
