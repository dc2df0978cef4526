import fc from 'fast-check'
import { type Case, LONG, suite } from '../../case.ts'
import { ModelBroker } from '../../model/broker.ts'
import { Space } from '../../model/server.ts'
import { play } from './play.ts'

const IDS = ['a', 'b', 'c', 'd', 'e'] as const
type Op =
  | { readonly op: 'publish'; readonly id: string; readonly far: boolean; readonly priority: number }
  | { readonly op: 'claim'; readonly consumer: string; readonly limit: number }
  | { readonly op: 'ack' | 'extend' | 'late-ack'; readonly nth: number }
  | { readonly op: 'nack'; readonly nth: number; readonly far: boolean }
  | { readonly op: 'pause' | 'resume' | 'expire' }

const nth = fc.nat({ max: 4 })
const operation: fc.Arbitrary<Op> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      op: fc.constant('publish' as const),
      id: fc.constantFrom(...IDS),
      far: fc.boolean(),
      priority: fc.constantFrom(-20, -1, 0, 0, 3, 10, 20),
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      op: fc.constant('claim' as const),
      consumer: fc.constantFrom('x', 'y'),
      limit: fc.nat({ max: 4 }),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      op: fc.constantFrom('ack' as const, 'extend' as const, 'late-ack' as const),
      nth,
    }),
  },
  { weight: 3, arbitrary: fc.record({ op: fc.constant('nack' as const), nth, far: fc.boolean() }) },
  {
    weight: 1,
    arbitrary: fc.record({ op: fc.constantFrom('pause' as const, 'resume' as const, 'expire' as const) }),
  },
)

interface Held {
  readonly id: string
  readonly consumer: string
  readonly receipt: string | undefined
  readonly modelReceipt: string
}

export const brokerModelCases: readonly Case[] = suite('model', ['broker'], {
  broker: {
    rule: 'Whatever is published, claimed, given back, paused and let expire in whatever order, a broker answers like the reference model.',
    why: 'The mistakes nobody thought of a case for are found by sequences nobody thought of.',
    mistake: 'two rules meet that each hold alone; the steps in the message show which',
    async run(context) {
      const { check, broker, ttl } = context
      const receipts = context.has('receipts') && context.has('broker.claimLeases')
      await play(context, operation, async (run) => {
        const space = new Space({ pace: 'still' })
        const model = new ModelBroker({ space })
        const queue = `run-${run}`
        const held: Held[] = []
        const gone: Held[] = []

        const claim = async (consumer: string, limit: number, leaseMs: number): Promise<readonly Held[]> => {
          const wanted = await model.claimLeases(queue, consumer, limit, leaseMs)
          const leases =
            receipts && broker.claimLeases
              ? await broker.claimLeases(queue, consumer, limit, leaseMs)
              : (await broker.claim(queue, consumer, limit, leaseMs)).map((id) => ({
                  id,
                  receipt: undefined,
                }))
          check.equal(
            leases.map((lease) => lease.id),
            wanted.map((lease) => lease.id),
            `claim of ${limit} by ${consumer}`,
          )
          return wanted.map(({ id, receipt: modelReceipt }, i) => ({
            id,
            consumer,
            receipt: leases[i]?.receipt,
            modelReceipt,
          }))
        }
        const take = (nth: number): Held | undefined => held.splice(nth % Math.max(1, held.length), 1)[0]

        return async (op) => {
          // later is later for the model too
          await space.clock.advance(1)
          switch (op.op) {
            case 'publish':
              await model.publish(queue, op.id, op.far ? LONG : 0, op.priority)
              await broker.publish(queue, op.id, op.far ? LONG : 0, op.priority)
              break
            case 'claim':
              held.push(...(await claim(op.consumer, op.limit, LONG)))
              break
            case 'ack': {
              const one = take(op.nth)
              if (one === undefined) break
              await model.ack(queue, one.id, one.modelReceipt)
              const answer = await broker.ack(queue, one.id, one.receipt)
              if (receipts) check.equal(answer, true, `ack of ${one.id} with its receipt`)
              gone.push(one)
              break
            }
            case 'late-ack': {
              const one = gone[op.nth % Math.max(1, gone.length)]
              if (one === undefined || !receipts) break
              check.equal(
                await broker.ack(queue, one.id, one.receipt),
                await model.ack(queue, one.id, one.modelReceipt),
                `ack of ${one.id} with a receipt used before`,
              )
              break
            }
            case 'nack': {
              const one = take(op.nth)
              if (one === undefined) break
              await model.nack(queue, one.id, op.far ? LONG : 0, one.modelReceipt)
              const answer = await broker.nack(queue, one.id, op.far ? LONG : 0, one.receipt)
              if (receipts) check.equal(answer, true, `nack of ${one.id} with its receipt`)
              gone.push(one)
              break
            }
            case 'extend': {
              const one = held[op.nth % Math.max(1, held.length)]
              if (one === undefined) break
              await check.resolves(
                broker.extendLock(one.id, one.consumer, LONG, queue, one.receipt),
                `extendLock of ${one.id}`,
              )
              break
            }
            case 'pause':
            case 'resume':
              await model[op.op](queue)
              await broker[op.op](queue)
              break
            default: {
              // one lease ends; where its id then stands in the line is not promised, so it is claimed and acknowledged at once
              const ended = await claim('mortal', 1, ttl)
              if (ended.length === 0) break
              await context.expire(ttl)
              await space.clock.advance(ttl + 1)
              gone.push(...ended)
              const wanted = await model.claim(queue, 'heir', 100, LONG)
              const found = await broker.claim(queue, 'heir', 100, LONG)
              check.sameMembers(
                found,
                wanted,
                `claim of all after the lease of ${ended.map((one) => one.id).join()} ended`,
              )
              for (const id of wanted) {
                await model.ack(queue, id)
                await broker.ack(queue, id)
              }
            }
          }
          if (broker.size)
            check.equal(await broker.size(queue), await model.size(queue), `size after ${op.op}`)
          if (broker.has)
            check.equal(
              await broker.has(queue, IDS),
              await model.has(queue, IDS),
              `has of ${IDS.join()} after ${op.op}`,
            )
          if (broker.isPaused)
            check.equal(await broker.isPaused(queue), await model.isPaused(queue), `isPaused after ${op.op}`)
        }
      })
    },
  },
})
