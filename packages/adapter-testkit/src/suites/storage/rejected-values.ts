import type { IStorageEngine } from '@sched/core/adapter'
import { type Case, type Context, suite } from '../../case.ts'

const WHY =
  'Accepted and changed in silence, it fails in a handler days later; rejected, the caller learns it at once.'
const MISTAKE =
  'the value goes to JSON.stringify or the driver as it is; core exports encodeValue and copyValue, which check it'

/** The bad value sits at `items[1].price`: the error must lead there. */
function rejects(bad: unknown): (context: Context) => Promise<void> {
  return async ({ storage, check, has }) => {
    const value = { rev: 1, items: [{ price: 1 }, { price: bad }] }
    await storage.save('jobs', 'a', { rev: 0, n: 1 })
    const error = await check.rejects(() => storage.save('jobs', 'a', value), 'VALUE_UNSERIALIZABLE', 'save')
    check.ok(
      error.message.includes('price'),
      'the message names the path of the culprit, items[1].price',
      error.message,
    )
    for (const [name, call] of writers(storage, value))
      if (has(`storage.${name}`)) await check.rejects(call, 'VALUE_UNSERIALIZABLE', name)
    check.equal(
      await storage.get('jobs', 'a'),
      { rev: 0, n: 1 },
      'the former record after the rejected calls',
    )
    check.equal(await storage.count('jobs'), 1, 'count after the rejected calls')
  }
}

function writers(
  storage: IStorageEngine,
  value: { readonly items: unknown },
): ['compareAndSet' | 'saveMany' | 'compareAndSetMany' | 'patchMany', () => Promise<unknown>][] {
  return [
    ['compareAndSet', async () => storage.compareAndSet!('jobs', 'a', 0, value)],
    ['saveMany', async () => storage.saveMany!('jobs', [{ id: 'a', value }])],
    [
      'compareAndSetMany',
      async () => storage.compareAndSetMany!('jobs', [{ id: 'a', expectedRev: 0, value }]),
    ],
    [
      'patchMany',
      async () => storage.patchMany!('jobs', [{ id: 'a', where: {}, set: { items: value.items } }]),
    ],
  ]
}

export const rejectedValueCases: readonly Case[] = suite('storage', ['storage'], {
  'nan-rejected': {
    rule: 'NaN and Infinity reject VALUE_UNSERIALIZABLE, with the path of the culprit; nothing is stored.',
    why: WHY,
    mistake: `${MISTAKE}; JSON turns NaN into null`,
    async run(context) {
      await rejects(Number.NaN)(context)
      await context.check.rejects(
        () => context.storage.save('jobs', 'b', { n: Number.POSITIVE_INFINITY }),
        'VALUE_UNSERIALIZABLE',
        'save of Infinity',
      )
    },
  },
  'bigint-rejected': {
    rule: 'A BigInt rejects VALUE_UNSERIALIZABLE, with the path of the culprit; nothing is stored.',
    why: WHY,
    mistake: `${MISTAKE}; JSON throws a bare TypeError`,
    run: rejects(1n),
  },
  'function-rejected': {
    rule: 'A function or a symbol rejects VALUE_UNSERIALIZABLE, with the path of the culprit; nothing is stored.',
    why: WHY,
    mistake: `${MISTAKE}; JSON drops them`,
    async run(context) {
      await rejects(() => 1)(context)
      await context.check.rejects(
        () => context.storage.save('jobs', 'b', { n: Symbol('s') }),
        'VALUE_UNSERIALIZABLE',
        'save of a symbol',
      )
    },
  },
  'cycle-rejected': {
    rule: 'A value that contains itself rejects VALUE_UNSERIALIZABLE; the same object in two places is no cycle.',
    why: WHY,
    mistake: `${MISTAKE}; or every object seen twice is taken for a cycle`,
    async run(context) {
      const cycle: Record<string, unknown> = {}
      cycle.again = { cycle }
      await rejects(cycle)(context)
      const shared = { x: 1 }
      await context.storage.save('jobs', 'b', { first: shared, second: shared, list: [shared, shared] })
      context.check.equal(
        await context.storage.get('jobs', 'b'),
        { first: { x: 1 }, second: { x: 1 }, list: [{ x: 1 }, { x: 1 }] },
        'an object that occurs several times without a cycle',
      )
    },
  },
  'lone-surrogate-rejected': {
    rule: 'Text with a lone surrogate rejects VALUE_UNSERIALIZABLE; a whole pair is kept.',
    why: 'UTF-8 cannot hold half a character: it comes back as U+FFFD, and two ids become one.',
    mistake: `${MISTAKE}; Buffer.from replaces it in silence`,
    async run(context) {
      await rejects('x\ud83d')(context)
      await context.storage.save('jobs', 'b', { text: '\ud83d\ude00' })
      context.check.equal(await context.storage.get('jobs', 'b'), { text: '😀' }, 'a whole pair')
    },
  },
})
