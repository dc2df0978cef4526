/** Rows of the hybrid protocol: what dies between the handler's end and the acknowledgement. */
import { type Case, suite } from '../../case.ts'
import { BOOM, TYPE, World } from './world.ts'

const FENCED = ['storage.compareAndSet'] as const
const FAR = 3_600_000

export const hybridFinishCases: readonly Case[] = suite('hybrid', ['storage', 'broker', 'lock'], {
  'side-effect-before-finish': {
    rule: 'A job whose process is killed after its side effect and before the finish runs again, under the same id and a greater fence.',
    why: 'No store can tell that the effect happened. The id and the fence are what a handler guards it with.',
    mistake: 'the fence starts anew with the second claim',
    async run(context) {
      const { check } = context
      const world = new World(context)
      const [process, other] = [await world.process(), await world.another()]
      const { ids, jobs } = await world.orphans(process, world.job('a'))
      const first = jobs[0]!
      process.storage.cut({ step: 'write', on: 'jobs', state: 'completed', when: 'before', kill: true })
      await check.rejects(
        world.answerTo(process, first, { kind: 'complete' }),
        'UNAVAILABLE',
        'the finish of a process that is killed before it',
      )
      await process.die()
      await world.join(other, 'v')
      const [second] = await world.claimAll(other, 'v', ids, { sweep: true })
      check.ok(second!.fence > first.fence, 'the fence grows', [first.fence, second?.fence])
      await world.endsWell(other, 'v', second!)
    },
  },
  'finish-ambiguous': {
    rule: 'A finish whose answer is lost is read again: its own token and final is success; its own token and running is written once more. It counts once.',
    why: 'The work is done. Told otherwise, the worker would drop a result or run the job again.',
    mistake: 'a read after an acknowledged write gives the record from before',
    needs: FENCED,
    async run(context) {
      const { check } = context
      const world = new World(context)
      const process = await world.process()
      await world.join(process, 'w')
      for (const when of ['after', 'before'] as const) {
        await world.insert(process, when)
        const job = await world.claimOne(process, 'w', when)
        process.storage.cut({ step: 'write', on: 'jobs', state: 'completed', when })
        await world.settle(
          process,
          job,
          { kind: 'complete', result: when, durationMs: 5 },
          `a finish cut ${when} it`,
        )
        await world.is(process, when, { state: 'completed', result: when }, `after a finish cut ${when} it`)
        await world.brokerHas(when, false, 'after its finish was read again')
        await world.settle(process, job, { kind: 'complete', result: 'again' }, 'the same outcome once more')
        await world.is(process, when, { result: when }, 'after the same outcome once more')
      }
      const { completed, durationMs } = (await process.store.counts()).types[TYPE]!
      check.equal([completed, durationMs], [2, 10], 'completed and durationMs in the counts')
      await world.nothingFor(process, 'w', 'after both ended')
    },
  },
  'finish-refused': {
    rule: 'A finish that is refused because somebody wrote in between is read again, and written on the new rev; any way back to pending ends as cancelled once that was asked for.',
    why: 'A request to cancel must neither lose a result nor be lost by a retry.',
    mistake: 'compareAndSet compares something else than the rev of the moment',
    needs: FENCED,
    async run(context) {
      const { check } = context
      const world = new World(context)
      const [process, other] = [await world.process(), await world.another()]
      await world.insert(process, 'a', world.job('b', { maxRetries: 1 }))
      await world.join(process, 'w')
      const [a, b] = await world.claimAll(process, 'w', ['a', 'b'])
      check.equal(await other.store.change(['a', 'b'], { kind: 'cancel' }), ['ok', 'ok'], 'cancel of both')
      await world.settle(process, a!, { kind: 'complete', result: 1 })
      await world.is(process, 'a', { state: 'completed', result: 1 }, 'finished after a cancel was asked for')
      await world.settle(process, b!, { kind: 'retry', delayMs: 0, error: BOOM })
      await world.is(process, 'b', { state: 'cancelled' }, 'retried after a cancel was asked for')
      await world.nothingFor(process, 'w', 'after both ended')
    },
  },
  'finish-before-ack': {
    rule: 'A job that is finished and whose acknowledgement is lost is delivered again, found finished, and acknowledged: no second run.',
    why: 'The storage is written first, so this happens at every crash of a broker’s connection.',
    mistake: 'ack of an id whose lease ended removes what another has claimed, or nothing at all',
    async run(context) {
      const world = new World(context)
      const [process, other] = [await world.process(), await world.another()]
      await world.join(other, 'v')
      for (const kill of [false, true]) {
        const orphan = world.job(kill ? 'killed' : 'lost')
        const { ids } = await world.mortal(process, [orphan], async ({ worker, ids: own }) => {
          const [job] = await world.claims(process, worker, own)
          process.broker.cut({ step: 'ack', when: 'before', kill })
          await world.settle(
            process,
            job!,
            { kind: 'complete' },
            'complete, the acknowledgement of which is lost',
          )
        })
        await world.nothingFor(other, 'v', `after ${ids[0]} was finished and not acknowledged`)
        await world.brokerHas(ids[0]!, false, 'after its next delivery')
        await world.is(other, ids[0]!, { state: 'completed', attempt: 1 }, 'after its next delivery')
      }
    },
  },
  'retry-before-nack': {
    rule: 'A retry that is stored and whose give-back is lost is delivered when the lease ends, found not due, and given back until it is.',
    why: 'The backoff is the storage’s. An early delivery must not shorten it, nor may the entry be lost.',
    mistake: 'nack with a delay forgets the delay, or the priority, of an id whose lease had ended',
    async run(context) {
      const { check } = context
      const world = new World(context)
      const [process, other] = [await world.process(), await world.another()]
      await world.join(other, 'v')
      const { ids } = await world.mortal(
        process,
        [world.job('a', { maxRetries: 5 })],
        async ({ worker, ids: own }) => {
          const [claimed] = await world.claims(process, worker, own)
          process.broker.cut({ step: 'nack', when: 'before' })
          const retry = { kind: 'retry', delayMs: FAR, error: BOOM } as const
          await world.settle(process, claimed!, retry, 'retry, whose give-back is lost')
        },
      )
      const id = ids[0]!
      await world.nothingFor(other, 'v', 'before the retry is due')
      await world.brokerHas(id, true, 'before the retry is due')
      check.equal(await other.store.change([id], { kind: 'promote' }), ['ok'], 'promote')
      const job = await world.claimOne(other, 'v', id)
      check.equal([job.attempt, job.failures], [2, 1], 'attempt and failures')
      await world.endsWell(other, 'v', job)
    },
  },
  'give-back-lost-entry': {
    rule: 'A retry whose entry the broker lost is published by the settle itself.',
    why: 'The broker says that the lease is gone; the entry may be gone as well, and nobody would deliver the retry.',
    mistake: 'nack of an unknown id resolves to true',
    needs: ['receipts', 'broker.remove'],
    async run(context) {
      const world = new World(context)
      const process = await world.process()
      await world.insert(process, world.job('a', { maxRetries: 1 }))
      await world.join(process, 'w')
      const job = await world.claimOne(process, 'w', 'a')
      await world.queues.remove!(TYPE, 'a')
      await world.settle(process, job, { kind: 'retry', delayMs: 0, error: BOOM })
      await world.endsWell(process, 'w', await world.claimOne(process, 'w', 'a'))
    },
  },
  'zombie-finish': {
    rule: 'A worker whose job was taken back finishes too late: its outcome is refused, and the broker’s entry, now another’s, is left alone.',
    why: 'Two results for one job, or an acknowledgement that takes the job from the worker that has it now.',
    mistake: 'compareAndSet does not look at the rev, so that the late result overwrites',
    needs: FENCED,
    async run(context) {
      const { check } = context
      const world = new World(context)
      const [process, other] = [await world.process(), await world.another()]
      const { worker, ids, jobs } = await world.orphans(process, world.job('a'))
      const [id, zombie] = [ids[0]!, jobs[0]!]
      await world.sweepDead(other, worker)
      const late = (result: string) => world.answerTo(process, zombie, { kind: 'complete', result })
      check.equal(await late('late'), 'stale', 'the answer to the late finish, its job taken back')
      await world.is(other, id, { state: 'pending', result: null }, 'after the late finish')
      await world.join(other, 'v')
      const [second] = await world.claimAll(other, 'v', ids, { sweep: true })
      check.equal(await late('later'), 'stale', 'the answer to the late finish, another running the job')
      await world.is(other, id, { state: 'running', result: null }, 'after the second late finish')
      await world.brokerHas(id, true, 'while another runs it')
      await world.settle(other, second!, { kind: 'complete', result: 'right' })
      check.equal(await late('last'), 'stale', 'the answer to the late finish, the job finished by another')
      await world.is(other, id, { state: 'completed', result: 'right' }, 'in the end')
    },
  },
  'finish-after-declaration': {
    rule: 'A finish that comes after its worker was declared dead and before its job is taken back is accepted, harmlessly: nothing runs again.',
    why: 'The declaration ends nothing by itself; the work is done, and the take-back finds it done.',
    mistake: 'the sweep’s write overwrites a job that has ended meanwhile',
    needs: FENCED,
    async run(context) {
      const { check } = context
      const world = new World(context)
      const process = await world.process()
      // what the broker is known to have need not be looked at again
      await world.sweep(process)
      const { worker, ids, jobs } = await world.orphans(process, world.job('a'))
      const sweeper = await world.declare(process, worker, false)
      await world.settle(
        process,
        jobs[0]!,
        { kind: 'complete' },
        'complete between declaration and take-back',
      )
      const { recovered, crashed } = await world.sweep(sweeper)
      check.equal([recovered, crashed], [0, 0], 'recovered and crashed in the next sweep')
      await world.is(sweeper, ids[0]!, { state: 'completed', crashes: 0 }, 'after the next sweep')
    },
  },
})
