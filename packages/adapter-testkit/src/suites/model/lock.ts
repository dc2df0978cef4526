import fc from 'fast-check'
import { type Case, LONG, suite } from '../../case.ts'
import { ModelLock } from '../../model/lock.ts'
import { Space } from '../../model/server.ts'
import { play } from './play.ts'

const who = { key: fc.constantFrom('a', 'b'), owner: fc.constantFrom('x', 'y', 'z') }
type Op = {
  readonly op: 'acquire' | 'renew' | 'release' | 'isOwner' | 'lease' | 'expire'
  readonly key: string
  readonly owner: string
}

const operation: fc.Arbitrary<Op> = fc.record({
  op: fc.oneof(
    {
      weight: 12,
      arbitrary: fc.constantFrom(
        'acquire' as const,
        'renew' as const,
        'release' as const,
        'isOwner' as const,
        'lease' as const,
      ),
    },
    { weight: 1, arbitrary: fc.constant('expire' as const) },
  ),
  ...who,
})

export const lockModelCases: readonly Case[] = suite('model', ['lock'], {
  lock: {
    rule: 'Whatever owners acquire, renew, release and let expire in whatever order, a lock answers like the reference model.',
    why: 'The mistakes nobody thought of a case for are found by sequences nobody thought of.',
    mistake: 'two rules meet that each hold alone; the steps in the message show which',
    async run(context) {
      const { check, lock, ttl } = context
      await play(context, operation, async (run) => {
        const space = new Space({ pace: 'still' })
        const model = new ModelLock({ space })
        const tokens = new Map<string, number>()
        return async ({ op, key, owner }) => {
          const name = `${key}-${run}`
          const about = `${op} of ${key} by ${owner}`
          await space.clock.advance(1)
          switch (op) {
            case 'acquire':
            case 'renew':
              check.equal(await lock[op](name, owner, LONG), await model[op](name, owner, LONG), about)
              break
            case 'release':
              await model.release(name, owner)
              await lock.release(name, owner)
              break
            case 'lease': {
              if (!lock.acquireLease) break
              const wanted = await model.acquireLease(name, owner, LONG)
              const lease = await lock.acquireLease(name, owner, LONG)
              check.equal(
                lease !== null,
                wanted !== null,
                `whether acquireLease of ${key} by ${owner} gives a lease`,
              )
              if (lease === null || wanted === null) break
              const last = tokens.get(key) ?? 0
              check.ok(lease.token >= last, `the token of ${key} does not shrink`, {
                last,
                token: lease.token,
              })
              tokens.set(key, lease.token)
              break
            }
            case 'expire': {
              const held = await model.acquire(name, owner, ttl)
              check.equal(
                await lock.acquire(name, owner, ttl),
                held,
                `acquire of ${key} by ${owner} for ${ttl} ms`,
              )
              await context.expire(ttl)
              await space.clock.advance(ttl + 1)
              break
            }
            default:
          }
          for (const each of ['x', 'y', 'z']) {
            check.equal(
              await lock.isOwner(name, each),
              await model.isOwner(name, each),
              `isOwner of ${key} by ${each} after ${op} by ${owner}`,
            )
          }
        }
      })
    },
  },
})
