import type { PatchItem } from '@sched/core/adapter'
import fc from 'fast-check'
import { type Case, suite } from '../../case.ts'
import { Space } from '../../model/server.ts'
import { ModelStorage } from '../../model/storage.ts'
import { play } from './play.ts'
import { scalar, value } from './storage.ts'

const id = fc.constantFrom('a', 'b')
const wanted = fc.oneof(
  scalar.filter((one) => !(one instanceof Date)) as fc.Arbitrary<string | number | boolean | null>,
  fc.constant(undefined),
)
const taken = fc.constantFrom<object>({ v: undefined }, { finishedAt: undefined }, { createdAt: undefined })

type Op =
  | { readonly op: 'save'; readonly id: string; readonly value: object; readonly rev: boolean }
  | { readonly op: 'prune'; readonly beforeMs: number }
  | {
      readonly op: 'patch'
      readonly items: readonly {
        readonly id: string
        readonly where: object
        readonly set: object
        readonly counts: boolean
      }[]
      readonly read: boolean
    }

const operation: fc.Arbitrary<Op> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({ op: fc.constant('save' as const), id, value, rev: fc.boolean() }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      op: fc.constant('prune' as const),
      beforeMs: fc.constantFrom(1_000, 2_000, 2_001, 3_000),
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      op: fc.constant('patch' as const),
      items: fc.array(
        fc.record({
          id,
          where: fc.record({ w: wanted }, { requiredKeys: [] }),
          set: fc.oneof(value, taken),
          counts: fc.boolean(),
        }),
        { maxLength: 3 },
      ),
      read: fc.boolean(),
    }),
  },
)

export const patchingModelCases: readonly Case[] = suite('model', ['storage', 'storage.patchMany'], {
  patches: {
    rule: 'Whatever is saved, patched and pruned in whatever order, a storage answers like the reference model.',
    why: 'The mistakes nobody thought of a case for are found by sequences nobody thought of.',
    mistake: 'two rules meet that each hold alone; the steps in the message show which',
    async run(context) {
      const { check, storage } = context
      await play(context, operation, async (run) => {
        const namespace = `run-${run}`
        const model = new ModelStorage({ space: new Space({ pace: 'still' }) })
        return async (op) => {
          if (op.op === 'save') {
            const record = op.rev ? { ...op.value, rev: 1 } : op.value
            await model.save(namespace, op.id, record)
            await storage.save(namespace, op.id, record)
          } else if (op.op === 'prune') {
            const pruned = await model.prune(namespace, op.beforeMs)
            check.equal(await storage.prune(namespace, op.beforeMs), pruned, `prune before ${op.beforeMs}`)
          } else {
            const items = op.items.map(({ counts, ...item }) => ({
              ...item,
              ...(counts && { count: 'n', revTo: 'to' }),
            })) as PatchItem[]
            const { read } = op
            const answers = await model.patchMany(namespace, items, { read })
            check.equal(await storage.patchMany!(namespace, items, { read }), answers, 'patchMany')
          }
          for (const of of ['a', 'b'])
            check.equal(await storage.get(namespace, of), await model.get(namespace, of), `get of ${of}`)
        }
      })
    },
  },
})
