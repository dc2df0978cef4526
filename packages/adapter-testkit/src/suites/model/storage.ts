import type { Filter, ListOptions } from '@sched/core/adapter'
import fc from 'fast-check'
import { type Case, suite } from '../../case.ts'
import { Space } from '../../model/server.ts'
import { ModelStorage } from '../../model/storage.ts'
import { play } from './play.ts'

const IDS = ['a', 'b', 'B', 'a:b', 'é', '\uffee', '😀'] as const
const INSTANTS = [1_000, 2_000, 3_000] as const

const id = fc.constantFrom(...IDS)
export const scalar: fc.Arbitrary<unknown> = fc.oneof(
  fc.constantFrom<unknown>(0, 1, 2, 9, 10, -1, 0.5, '', 'a', 'b', '10', 'é', true, false, null),
  fc.constantFrom(...INSTANTS).map((ms) => new Date(ms)),
)
const field = fc.oneof(
  { weight: 4, arbitrary: scalar },
  fc.constantFrom<unknown>([], [1, 2], { x: 1 }, { x: 1, y: 2 }),
)
export const value: fc.Arbitrary<object> = fc.record(
  {
    v: field,
    w: scalar,
    finishedAt: fc.oneof(
      fc.constantFrom<unknown>(...INSTANTS, null, 'soon'),
      fc.constantFrom(...INSTANTS).map((ms) => new Date(ms)),
    ),
    createdAt: fc.constantFrom(...INSTANTS).map((ms) => new Date(ms)),
  },
  { requiredKeys: [] },
)
const condition = fc.oneof(
  field,
  fc.record({ $eq: field }),
  fc.record({ $ne: field }),
  fc.record({ $in: fc.array(field, { maxLength: 3 }) }),
  fc
    .record({ $gt: scalar, $gte: scalar, $lt: scalar, $lte: scalar }, { requiredKeys: [] })
    .filter((range) => Object.keys(range).length > 0),
)
const filter: fc.Arbitrary<Filter> = fc.record({ v: condition, w: condition }, { requiredKeys: [] })
const listing = fc.record(
  {
    limit: fc.integer({ min: 0, max: 5 }),
    offset: fc.integer({ min: 0, max: 3 }),
    orderBy: fc.record({
      field: fc.constantFrom('v', 'w'),
      direction: fc.constantFrom<'asc' | 'desc'>('asc', 'desc'),
    }),
  },
  { requiredKeys: [] },
)

type Op =
  | { readonly op: 'save'; readonly id: string; readonly value: object }
  | { readonly op: 'delete' | 'get'; readonly id: string }
  | { readonly op: 'list'; readonly filter: Filter; readonly options: ListOptions }
  | { readonly op: 'prune'; readonly beforeMs: number }
  | {
      readonly op: 'cas'
      readonly id: string
      readonly value: object
      readonly rev: 'right' | 'older' | 'newer' | 'none'
    }
  | { readonly op: 'pages'; readonly filter: Filter; readonly limit: number }

const operation: fc.Arbitrary<Op> = fc.oneof(
  { weight: 5, arbitrary: fc.record({ op: fc.constant('save' as const), id, value }) },
  { weight: 2, arbitrary: fc.record({ op: fc.constantFrom('delete' as const, 'get' as const), id }) },
  {
    weight: 5,
    arbitrary: fc.record({
      op: fc.constant('list' as const),
      filter,
      options: listing as fc.Arbitrary<ListOptions>,
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      op: fc.constant('prune' as const),
      beforeMs: fc.constantFrom(1_000, 2_000, 2_001, 3_000),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      op: fc.constant('cas' as const),
      id,
      value,
      rev: fc.constantFrom('right' as const, 'older' as const, 'newer' as const, 'none' as const),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      op: fc.constant('pages' as const),
      filter,
      limit: fc.integer({ min: 1, max: 3 }),
    }),
  },
)

export const storageModelCases: readonly Case[] = suite('model', ['storage'], {
  storage: {
    rule: 'Whatever is saved, deleted, pruned and compared in whatever order, a storage answers like the reference model.',
    why: 'The mistakes nobody thought of a case for are found by sequences nobody thought of.',
    mistake: 'two rules meet that each hold alone; the steps in the message show which',
    async run(context) {
      const { check, storage } = context
      await play(context, operation, async (run) => {
        const namespace = `run-${run}`
        const model = new ModelStorage({ space: new Space({ pace: 'still' }) })
        const revOf = async (of: string): Promise<number | null> => {
          const record = await model.get<{ rev?: number }>(namespace, of)
          return record === null ? null : (record.rev ?? 0)
        }
        return async (op) => {
          switch (op.op) {
            case 'save':
              await model.save(namespace, op.id, op.value)
              await storage.save(namespace, op.id, op.value)
              break
            case 'delete':
              await model.delete(namespace, op.id)
              await storage.delete(namespace, op.id)
              break
            case 'prune':
              check.equal(
                await storage.prune(namespace, op.beforeMs),
                await model.prune(namespace, op.beforeMs),
                `prune before ${op.beforeMs}`,
              )
              break
            case 'list': {
              const wanted = await model.list(namespace, op.filter, op.options)
              check.equal(await storage.list(namespace, op.filter, op.options), wanted, 'list')
              check.equal(
                await storage.count(namespace, op.filter),
                await model.count(namespace, op.filter),
                'count',
              )
              break
            }
            case 'cas': {
              if (!storage.compareAndSet) break
              const stored = await revOf(op.id)
              const expected = expectedRev(op.rev, stored)
              const next = { ...op.value, rev: (expected ?? 0) + 1 }
              check.equal(
                await storage.compareAndSet(namespace, op.id, expected, next),
                await model.compareAndSet(namespace, op.id, expected, next),
                `compareAndSet expecting ${expected}`,
              )
              break
            }
            case 'pages': {
              if (!storage.page) break
              const walked: unknown[] = []
              let after: string | undefined
              for (let page = 0; page <= IDS.length; page++) {
                const records = await storage.page(namespace, op.filter, {
                  limit: op.limit,
                  ...(after !== undefined && { after }),
                })
                walked.push(...records)
                after = records.at(-1)?.id
                if (records.length < op.limit) break
              }
              check.equal(
                walked,
                await model.page(namespace, op.filter, { limit: 100 }),
                `a walk of pages of ${op.limit}`,
              )
              break
            }
            default:
          }
          if ('id' in op)
            check.equal(
              await storage.get(namespace, op.id),
              await model.get(namespace, op.id),
              `get of ${op.id}`,
            )
        }
      })
    },
  },
})

function expectedRev(which: (Op & { op: 'cas' })['rev'], stored: number | null): number | null {
  if (which === 'none') return null
  if (which === 'right') return stored
  return which === 'older' && stored ? stored - 1 : (stored ?? 0) + 1
}
