/** Rows of the hybrid protocol: what dies between the broker's claim and the handler's end. */
import { type Case, suite } from '../../case.ts'
import { SECOND_LOOK_MS, TYPE, World } from './world.ts'

const FENCED = ['storage.compareAndSet'] as const

export const hybridClaimCases: readonly Case[] = suite('hybrid', ['storage', 'broker', 'lock'], {
  'claim-before-write': {
    rule: 'A worker that dies between the broker’s claim and the write of it loses nothing: the lease ends, the job is delivered again, and no attempt was counted.',
    why: 'A crash there must cost neither the job nor one of its attempts: it never started.',
    mistake: 'an expired lease is given to nobody until somebody scans for it',
    async run(context) {
      const { check } = context
      const world = new World(context)
      const [process, other] = [await world.process(), await world.another()]
      await world.join(other, 'v')
      const { ids } = await world.mortal(process, [world.job('a')], async ({ worker, ids: [id] }) => {
        process.storage.cut({ step: 'write', on: 'jobs', state: 'running', when: 'before' })
        process.broker.cut({ step: 'nack', when: 'before' })
        await check.rejects(world.claim(process, worker), 'UNAVAILABLE', 'a claim whose write is lost')
        await world.is(other, id!, { state: 'pending', attempt: 0 }, 'after the write of the claim was lost')
        if (world.exact) await world.nothingFor(other, 'v', 'under the lease of the claim that was lost')
      })
      const job = await world.claimOne(other, 'v', ids[0]!)
      check.equal(job.attempt, 1, 'the attempt')
      await world.endsWell(other, 'v', job)
    },
  },
  'claim-ambiguous': {
    rule: 'A claim whose write is applied and whose answer is lost is found by a heartbeat, held but unknown, and released with its attempt given back.',
    why: 'The storage says the worker runs it, the worker knows nothing of it: nobody would ever run it.',
    mistake: 'a filter for worker and state does not find what was just written',
    needs: FENCED,
    async run(context) {
      const { check } = context
      const world = new World(context)
      const process = await world.process()
      await world.insert(process, 'a')
      await world.join(process, 'w')
      process.storage.cut({ step: 'write', on: 'jobs', state: 'running', when: 'after' })
      await check.rejects(world.claim(process, 'w'), 'UNAVAILABLE', 'a claim whose answer is lost')
      await world.is(process, 'a', { state: 'running', attempt: 1 }, 'after the answer of the claim was lost')
      await world.beat(process, 'w', [], { claimGraceMs: 3_600_000 })
      await world.is(process, 'a', { state: 'running' }, 'after a heartbeat within the grace')
      await world.tick()
      await world.beat(process, 'w', [], { claimGraceMs: 0 })
      await world.is(
        process,
        'a',
        { state: 'pending', attempt: 0, crashes: 0 },
        'after a heartbeat past the grace',
      )
      const job = await world.claimOne(process, 'w', 'a')
      check.equal(job.attempt, 1, 'the attempt')
      await world.endsWell(process, 'w', job)
    },
  },
  'claim-under-way': {
    rule: 'A heartbeat releases nothing whose claim is still under way.',
    why: 'It would give back a job that the worker is about to start: two would run it.',
    mistake: 'claims and heartbeats of one worker are not answered independently',
    needs: FENCED,
    async run(context) {
      const world = new World(context)
      const process = await world.process()
      await world.insert(process, 'a')
      await world.join(process, 'w')
      // while the claim tells the broker, the heartbeat finds its write
      process.broker.during('next-due', () => world.beat(process, 'w', [], { claimGraceMs: 0 }))
      const job = await world.claimOne(process, 'w', 'a')
      await world.beat(process, 'w', [job], { claimGraceMs: 0 })
      await world.is(
        process,
        'a',
        { state: 'running', attempt: 1 },
        'after heartbeats during and after its claim',
      )
      await world.endsWell(process, 'w', job)
    },
  },
  'handler-dies': {
    rule: 'A job whose worker dies while the handler runs is delivered again, the crash counted, under a greater fence; the dead worker is told at its next heartbeat.',
    why: 'This is what at-least-once means. The crash must count, or a job that kills its process does so for ever.',
    mistake:
      'the broker’s lease ends and the storage still says running, or the other way round, and nothing squares them',
    needs: FENCED,
    async run(context) {
      const { check } = context
      const world = new World(context)
      const [process, other] = [await world.process(), await world.another()]
      await world.join(other, 'v')
      const { worker, value } = await world.mortal(
        process,
        [world.job('a')],
        async ({ worker: mortal, ids }) => {
          const [job] = await world.claims(process, mortal, ids)
          if (world.exact) await world.nothingFor(other, 'v', 'while another runs it')
          return job!
        },
      )
      const first = value
      const { dead } = await world.sweepDead(other, worker)
      check.equal(dead, [worker], 'whom the sweep declares dead')
      const [second] = await world.claimAll(other, 'v', [first.id], { sweep: true })
      check.equal([second?.attempt, second?.crashes], [2, 1], 'attempt and crashes')
      check.ok(second!.fence > first.fence, 'the fence grows', [first.fence, second?.fence])
      const reply = await world.beat(process, worker, [first])
      check.equal(
        [reply.alive, reply.lost],
        [false, [first.id]],
        'alive and lost, as the dead worker is told',
      )
      await world.endsWell(other, 'v', second!)
    },
  },
  'taken-back-later': {
    rule: 'When the sweeper dies between declaring a worker dead and taking its jobs back, the next round does it, and so does a claim that meets the job.',
    why: 'The death is written once; a round that only looked at the newly dead would never come back to these jobs.',
    mistake: 'a filter for running jobs leaves out those written before',
    needs: FENCED,
    async run(context) {
      const { check } = context
      const world = new World(context)
      const process = await world.process()
      for (const way of ['sweep', 'claim'] as const) {
        await world.sweep(process)
        const { worker, ids } = await world.orphans(process, world.job(`by-${way}`))
        const sweeper = await world.declare(process, worker, true)
        await sweeper.die()
        const other = await world.another()
        await world.join(other, `v-${way}`)
        const [job] = await world.claimAll(other, `v-${way}`, ids, { sweep: way === 'sweep' })
        check.equal([job?.attempt, job?.crashes], [2, 1], `attempt and crashes, taken back by a ${way}`)
        await world.endsWell(other, `v-${way}`, job!)
      }
    },
  },
  'redelivered-while-running': {
    rule: 'An id that the broker delivers while its worker is not dead is given back until that worker’s lease ends; the worker goes on and its finish is accepted.',
    why: 'A broker’s lease may end early: a failover, a pause. The storage says who runs a job, and two must not.',
    mistake: 'nack with a delay makes the id claimable at once, so that workers hand it around',
    async run(context) {
      const { check } = context
      const world = new World(context)
      const [process, other] = [await world.process(), await world.another()]
      await world.insert(process, 'a')
      await world.join(process, 'w')
      await world.join(other, 'v')
      const job = await world.claimOne(process, 'w', 'a')
      // the broker's lease ends under its holder
      await world.queues.nack(TYPE, 'a')
      await world.nothingFor(other, 'v', 'of a job that a living worker runs')
      await world.nothingFor(other, 'v', 'of a job that it gave back until its worker’s lease ends')
      const reply = await world.beat(process, 'w', [job])
      check.equal(
        [reply.alive, reply.lost],
        [true, []],
        'alive and lost, when only the broker’s lease is gone',
      )
      await world.endsWell(process, 'w', job)
    },
  },
  'missing-record': {
    rule: 'An id without a record is given back once, and acknowledged when the record is missing again.',
    why: 'The record may be a moment behind: its transaction commits. Acknowledged at once, the job is lost; never, it goes round for ever.',
    mistake: 'nack with a delay, or ack, does not end what the claim began',
    async run(context) {
      const world = new World(context)
      const process = await world.process()
      await world.join(process, 'w')
      await world.queues.publish(TYPE, 'ghost')
      await world.queues.publish(TYPE, 'late')
      await world.nothingFor(process, 'w', 'of ids without a record')
      await world.brokerHas('ghost', true, 'after the record was missing once')
      process.broker.cut({ step: 'publish', when: 'before', times: 1_000 })
      await world.insert(process, 'late')
      await world.expire(SECOND_LOOK_MS)
      await world.claimAll(process, 'w', ['late'])
      for (let round = 0; round < 60 && (await world.inBroker('ghost')) === true; round++) {
        await world.nothingFor(process, 'w', 'of an id without a record')
        await world.tick()
      }
      await world.brokerHas('ghost', false, 'after the record was missing twice')
    },
  },
  'past-lease-starts-nothing': {
    rule: 'Past its lease by its own clock a worker claims nothing, though nobody declared it dead; a heartbeat that is accepted lets it go on.',
    why: 'It may be declared dead at any moment, and what it started would run twice.',
    mistake: 'the storage’s clock runs backwards, or `now` answers in another unit',
    async run(context) {
      const { check } = context
      const world = new World(context)
      const process = await world.process()
      await world.insert(process, 'a')
      await world.join(process, 'w', 1)
      await world.expire(1)
      await world.nothingFor(process, 'w', 'past its lease')
      check.equal(process.broker.count({ step: 'claim' }), 0, 'claims that reached the broker')
      check.equal((await world.beat(process, 'w')).alive, true, 'alive in the answer to the next heartbeat')
      await world.claimAll(process, 'w', ['a'])
    },
  },
  'heartbeat-ambiguous': {
    rule: 'A heartbeat that is applied and whose answer is lost refuses the next one, which is read again: not dead means the refused write was its own.',
    why: 'A worker that aborts its handlers for one lost packet makes every job run twice.',
    mistake: 'the rev of the record is not what was written with it',
    needs: FENCED,
    async run(context) {
      const { check } = context
      const world = new World(context)
      const process = await world.process()
      await world.insert(process, 'a')
      await world.join(process, 'w')
      const job = await world.claimOne(process, 'w', 'a')
      process.storage.cut({ step: 'write', on: 'workers', when: 'after' })
      await check.rejects(world.beat(process, 'w', [job]), 'UNAVAILABLE', 'a heartbeat whose answer is lost')
      await world.tick()
      const reply = await world.beat(process, 'w', [job])
      check.equal([reply.alive, reply.lost], [true, []], 'alive and lost, in the next one')
      await world.endsWell(process, 'w', job)
    },
  },
})
