/** What a batch costs between two systems. */
import { type Case, suite } from '../../case.ts'
import { World } from './world.ts'

const BATCH = 100
/** What waits for a second is marked as sent, which is a trip of its own: a batch that took so long to claim is no measure. */
const MARKED_AFTER_MS = 900
const TRIES = 5
const BATCHES = [
  'storage.compareAndSetMany',
  'storage.getMany',
  'broker.claimLeases',
  'broker.publishMany',
  'broker.ackMany',
] as const

export const hybridTripCases: readonly Case[] = suite('hybrid', ['storage', 'broker', 'lock', ...BATCHES], {
  trips: {
    rule: 'A batch of 100 jobs costs at most six round trips from claim to acknowledged, one more when a compare-and-set was refused, and two to enqueue; the counters’ write, once for many batches, is apart.',
    why: 'Between two systems the trips are the cost; one a job instead of one a batch makes it fifty times as slow.',
    mistake: 'a batch method is there and core does not see it, since it is hidden by a wrapper',
    async run(context) {
      const { check } = context
      const world = new World(context)
      const [process, other] = [await world.process(), await world.another()]
      // the counters of finished jobs are written apart, once for many batches
      const count = (): number => process.storage.count({ not: 'tallies' }) + process.broker.count()
      await world.insert(process, 'first')
      await world.join(process, 'w')
      await world.settle(process, await world.claimOne(process, 'w', 'first'), { kind: 'complete' })
      const counts: { readonly refused: boolean; readonly enqueued: number; readonly trips: number }[] = []
      for (let tries = 0; counts.length < 2; tries++) {
        if (tries === TRIES)
          context.inconclusive(`${BATCH} jobs took more than ${MARKED_AFTER_MS} ms to claim`)
        const refused = counts.length === 1
        const ids = Array.from({ length: BATCH }, (_, n) => `${refused}-${tries}-${n}`)
        const start = count()
        const startMs = performance.now()
        await world.insert(process, ...ids)
        const enqueued = count()
        const jobs = await world.claim(process, 'w', BATCH)
        const isMeasure = performance.now() - startMs < MARKED_AFTER_MS
        check.equal(jobs.length, BATCH, 'how many are claimed')
        if (refused) await other.store.change([ids[7]!], { kind: 'cancel' })
        const { settled } = await process.store.settle(
          jobs.map(({ id, token }) => ({ id, token, kind: 'complete', durationMs: 1 })),
        )
        check.equal(new Set(settled), new Set(['ok']), 'the answers')
        if (isMeasure) counts.push({ refused, enqueued: enqueued - start, trips: count() - enqueued })
      }
      for (const { refused, enqueued, trips } of counts) {
        const what = refused ? ', one refused' : ''
        check.between(enqueued, 1, 2, `trips to enqueue ${BATCH} jobs`)
        check.between(trips, 4, refused ? 7 : 6, `trips from claim to acknowledged${what}`)
        context.report(`${trips} round trips for ${BATCH} jobs${what}, ${enqueued} to enqueue them`)
      }
    },
  },
})
