/** Rows of the hybrid protocol: what dies on the way into the storage and from there to the broker. */
import { type Case, suite } from '../../case.ts'
import { DISPATCH_GRACE_MS, type Process, TYPE, World } from './world.ts'

const FENCED = ['storage.compareAndSet'] as const
/** So many at once are not marked one by one; and more than core reads at a time. */
const MANY = 600
/** A save without an answer may still be applied for so long. */
const LONGEST_CALL_MS = 20_000

/** A sweep during which the broker answered: one that had to do without it warns, and leaves its rest to the next. */
async function sweepAnswered(world: World, process: Process): Promise<void> {
  let warned: number
  do {
    warned = process.warnings.length
    await world.sweep(process)
  } while (process.warnings.length > warned)
}

export const hybridEnqueueCases: readonly Case[] = suite('hybrid', ['storage', 'broker', 'lock'], {
  'before-save': {
    rule: 'An enqueue whose save is lost on its way rejects, and nothing exists: no record, and no id in the broker.',
    why: 'The caller was told that it failed; a job that runs all the same is one nobody enqueued.',
    mistake: 'a publish happens before the save, or ids are made visible by something else than the record',
    async run(context) {
      const world = new World(context)
      const process = await world.process()
      process.storage.cut({ step: 'write', on: 'jobs', when: 'before' })
      await context.check.rejects(process.store.insert([world.job('a')]), 'UNAVAILABLE', 'the insert')
      context.check.equal(await process.store.get(['a']), [null], 'the record')
      await world.brokerHas('a', false, 'after the save was lost')
      await world.join(process, 'w')
      await world.nothingFor(process, 'w', 'after the save was lost')
    },
  },
  'save-ambiguous': {
    rule: 'An enqueue whose answer is lost rejects as ambiguous; the same id again is `exists`, and the job runs once.',
    why: 'Callers repeat what failed. Without insert-if-absent every lost answer would be a job too much.',
    mistake: 'compareAndSet with no expected rev overwrites the record that is there',
    needs: FENCED,
    async run(context) {
      const { check } = context
      const world = new World(context)
      const process = await world.process()
      process.storage.cut({ step: 'write', on: 'jobs', when: 'after' })
      const error = await check.rejects(process.store.insert([world.job('a')]), 'UNAVAILABLE', 'the insert')
      check.equal(error.ambiguous, true, 'ambiguous in the error')
      check.equal(await process.store.insert([world.job('a')]), ['exists'], 'the same id again')
      check.equal((await process.store.counts()).types[TYPE]?.pending, 1, 'how many are pending')
      await world.join(process, 'w')
      await world.pass(DISPATCH_GRACE_MS + 1)
      const [job] = await world.claimAll(process, 'w', ['a'], { sweep: true })
      await world.endsWell(process, 'w', job!)
    },
  },
  'save-before-publish': {
    rule: 'A job whose process dies between its save and its publish is accepted, and any other process publishes it.',
    why: 'The record is its own outbox row. Without the sweep it would wait for ever, in a storage that knows of it.',
    mistake: 'list does not find `dispatch: pending`, or the ranges of a filter do not hold',
    needs: FENCED,
    async run(context) {
      const { check } = context
      const world = new World(context)
      const process = await world.process()
      process.broker.cut({ step: 'publish', when: 'before', kill: true })
      check.equal(
        await process.store.insert([world.job('a'), world.job('b')]),
        ['inserted', 'inserted'],
        'the insert of two jobs whose process dies before the publish',
      )
      await process.die()
      const other = await world.another()
      await world.join(other, 'v')
      await world.nothingFor(other, 'v', 'before anybody published')
      await world.pass(DISPATCH_GRACE_MS + 1)
      await world.sweep(other)
      await world.claimAll(other, 'v', ['a', 'b'], { sweep: true })
    },
  },
  'batch-before-publish': {
    rule: 'So are jobs that are enqueued many at a time, none of which is marked: one record says that they are under way. The sweep publishes all of them, and later none again.',
    why: 'A mark for each is the third write a job. The one record must lead to every job of the batch, and to none for ever.',
    mistake:
      'page does not find a field that few records have, or gives only the first page of what it finds',
    needs: [...FENCED, 'broker.has'],
    async run(context) {
      const { check } = context
      const world = new World(context)
      const process = await world.process()
      const ids = Array.from({ length: MANY }, (_, n) => `batch-${n}`)
      process.broker.cut({ step: 'publish', when: 'before', kill: true })
      const answers = await process.store.insert(ids.map((id) => world.job(id)))
      check.equal(new Set(answers), new Set(['inserted']), 'the insert whose process dies before the publish')
      await process.die()
      const other = await world.another()
      await world.pass(DISPATCH_GRACE_MS + 1)
      await sweepAnswered(world, other)
      const there = await world.queues.has!(TYPE, ids)
      check.equal(there.filter(Boolean).length, MANY, 'how many ids the broker has after the sweep')
      await world.pass(LONGEST_CALL_MS)
      await sweepAnswered(world, other)
      const before = other.broker.count({ step: 'publish' })
      await sweepAnswered(world, other)
      check.equal(other.broker.count({ step: 'publish' }), before, 'publishes so far, after one more sweep')
    },
  },
  'publish-retried': {
    rule: 'A job whose publish fails while its process lives is accepted with a warning, and that process publishes it again.',
    why: 'A broker that restarts must not cost the wait for the next sweep, nor fail an enqueue that is stored.',
    mistake: 'publish of an id that is already there rejects',
    async run(context) {
      const world = new World(context)
      const process = await world.process()
      await world.join(process, 'w')
      for (const when of ['before', 'after'] as const) {
        process.broker.cut({ step: 'publish', when })
        await world.insert(process, when)
        context.check.equal(process.warnings.length > 0, true, 'whether the store warned')
      }
      await world.pass(1_100)
      await world.claimAll(process, 'w', ['before', 'after'])
    },
  },
  'publish-before-sent': {
    rule: 'A job whose process dies after the publish and before it is marked is published twice, which coalesces: it runs once.',
    why: 'The sweep cannot know what the broker has been told. Were the second publish a second entry, the job could run twice.',
    mistake: 'publish of a waiting id makes a second entry, or one of a leased id frees it',
    needs: FENCED,
    async run(context) {
      const { check } = context
      const world = new World(context)
      const process = await world.process()
      await world.insert(process, 'a', 'b')
      await process.die()
      const other = await world.another()
      await world.join(other, 'v')
      const [first] = await world.claim(other, 'v', 1)
      check.ok(first, 'a job can be claimed before the sweep', first)
      await world.pass(DISPATCH_GRACE_MS + 1)
      const before = other.broker.count({ step: 'publish' })
      await world.sweep(other)
      check.ok(other.broker.count({ step: 'publish' }) > before, 'the sweep publishes what is not marked')
      const left = ['a', 'b'].filter((id) => id !== first?.id)
      const rest = await world.claimAll(other, 'v', left)
      for (const job of [first!, ...rest]) await world.settle(other, job, { kind: 'complete' })
      await world.nothingFor(other, 'v', 'after both ended')
      const marked = other.broker.count({ step: 'publish' })
      await world.sweep(other)
      check.equal(other.broker.count({ step: 'publish' }), marked, 'publishes so far, after one more sweep')
    },
  },
  'sent-only-published': {
    rule: 'A job is marked `sent` by the process that published it, a second later and only if the publish went through.',
    why: 'The mark ends the sweep’s care for a job. On one that was never published it would be lost from sight.',
    mistake: 'compareAndSet answers true although the rev was another, so that an old mark overwrites',
    needs: FENCED,
    async run(context) {
      const { check, eventually } = context
      const world = new World(context)
      const process = await world.process()
      const dispatch = async (): Promise<unknown> => (await world.stored('a'))?.dispatch
      process.broker.down = true
      await world.insert(process, 'a')
      await world.pass(3_500)
      check.equal(await dispatch(), 'pending', 'dispatch in the record while the broker is down')
      process.broker.down = false
      await world.pass(2_200)
      await eventually(
        async () => (await dispatch()) === undefined,
        'the mark in the record, once the broker is back',
      )
      await world.brokerHas('a', true, 'when it is marked')
    },
  },
  'broker-down': {
    rule: 'While the broker is down jobs are accepted, outcomes are stored and sweeps go on; when it is back every job runs.',
    why: 'The storage is the truth: losing the broker costs time, never a job and never an answer.',
    mistake: 'an id that is published again after its lease ended stays hidden',
    async run(context) {
      const { check } = context
      const world = new World(context)
      const process = await world.process()
      await world.insert(process, 'a')
      await world.join(process, 'w')
      const job = await world.claimOne(process, 'w', 'a')
      process.broker.down = true
      await world.insert(process, 'c')
      await world.settle(process, job, { kind: 'complete' }, 'complete while the broker is down')
      check.equal(
        await process.store.change(['c'], { kind: 'promote' }),
        ['ok'],
        'promote while the broker is down',
      )
      await process.store.sweep({})
      await check.rejects(world.claim(process, 'w'), 'UNAVAILABLE', 'a claim while the broker is down')
      process.broker.down = false
      await world.pass(DISPATCH_GRACE_MS + 1)
      const [c] = await world.claimAll(process, 'w', ['c'], { sweep: true })
      await world.endsWell(process, 'w', c!)
    },
  },
})
