/** What makes storage and broker agree again: lost and wiped brokers, sweeps that meet, outages of the storage. */
import type { SweepReport } from '@sched/core/adapter'
import { type Case, suite } from '../../case.ts'
import { AUDIT_GRACE_MS, DISPATCH_GRACE_MS, type Process, SECOND_LOOK_MS, TYPE, World } from './world.ts'

const FENCED = ['storage.compareAndSet'] as const
const FAR = 3_600_000
const PAUSED = [{ type: 'paused' }]

export const hybridReconcileCases: readonly Case[] = suite('hybrid', ['storage', 'broker', 'lock'], {
  'broker-flushed': {
    rule: 'When the broker lost everything, sweeps publish every unfinished job again; what runs goes on under its worker’s lease and runs no second time.',
    why: 'The broker is an index that can be rebuilt: wiping it costs time and strict order, never a job.',
    mistake: 'publish of a job that is running makes it claimable, and its storage record is not looked at',
    needs: ['hook.wipeBroker'],
    timeoutMs: 60_000,
    async run(context) {
      const { check } = context
      const world = new World(context)
      const process = await world.process()
      await world.insert(process, 'runs', 'waits', world.job('later', { delayMs: FAR }))
      await world.join(process, 'w')
      await world.sweep(process)
      const [running] = await world.claim(process, 'w', 1)
      check.ok(running, 'a job can be claimed', running)
      const left = ['runs', 'waits'].filter((id) => id !== running?.id)
      await world.wipeBroker()
      await world.pass(AUDIT_GRACE_MS + 100)
      const rest = await world.claimAll(process, 'w', left, { sweep: true })
      const reply = await world.beat(process, 'w', [running!, ...rest])
      check.equal([reply.alive, reply.lost], [true, []], 'alive and lost, after the broker lost everything')
      for (const job of [running!, ...rest]) await world.settle(process, job, { kind: 'complete' })
      check.equal(
        await process.store.change(['later'], { kind: 'promote' }),
        ['ok'],
        'promote of what waits for long',
      )
      await world.endsWell(process, 'w', await world.claimOne(process, 'w', 'later'))
    },
  },
  'wiped-rebuild': {
    rule: 'A broker that lost its data is filled again within the rounds of one sweep, page by page, and once that is done it is not done again.',
    why: 'Until then nothing runs; and a rebuild that starts over for ever keeps the storage busy and the broker’s order upset.',
    mistake: 'incarnation stays the same when the data is lost, or changes by itself',
    needs: ['hook.wipeBroker', 'broker.incarnation', ...FENCED],
    async run(context) {
      const { check } = context
      const world = new World(context)
      const process = await world.process()
      const ids = Array.from({ length: 25 }, (_, n) => `job-${String(n).padStart(2, '0')}`)
      await world.insert(process, ...ids)
      await world.join(process, 'w')
      // so that they are marked, and no round publishes them as jobs that perhaps never were
      await world.pass(DISPATCH_GRACE_MS + 1)
      await world.sweep(process)
      await world.wipeBroker()
      await world.nothingFor(process, 'w', 'after the broker lost everything')
      const { rounds } = await world.sweep(process, 10)
      check.equal(rounds, 3, 'rounds of at most 10 that the sweep takes for 25 jobs')
      const published = process.broker.count({ step: 'publish' })
      await world.sweep(process, 10)
      check.equal(
        process.broker.count({ step: 'publish' }),
        published,
        'publishes so far, after one more sweep',
      )
      await world.claimAll(process, 'w', ids)
    },
  },
  'wiped-pause-restored': {
    rule: 'After the broker lost its data, paused types are paused again before anything is published.',
    why: 'Somebody stopped that type for a reason. A restart of the broker must not start it.',
    mistake: 'pause of a queue that is not there yet has no effect',
    needs: ['hook.wipeBroker', 'broker.incarnation'],
    async run(context) {
      const { check } = context
      const world = new World(context)
      const process = await world.process()
      await world.insert(process, world.job('p', { type: 'paused' }), 'a')
      await process.store.pause('paused', true)
      await world.join(process, 'w')
      await world.sweep(process)
      await world.wipeBroker()
      // of neither type anything comes through
      process.broker.cut({ step: 'publish', when: 'before', times: 2 })
      await process.store.sweep({})
      if (context.has('broker.isPaused'))
        check.equal(await world.queues.isPaused!('paused'), true, 'isPaused, before anything was published')
      await world.claimAll(process, 'w', ['a'], { sweep: true })
      await world.nothingFor(process, 'w', 'of a type that was paused before', PAUSED)
      await process.store.pause('paused', false)
      await world.claimAll(process, 'w', ['p'], { types: PAUSED })
    },
  },
  'pause-missed': {
    rule: 'A pause that the broker was not told, or forgot, is told again by the next sweep: the storage has the truth.',
    why: 'The caller was told that it failed, but the flag is stored: half a pause would last for ever.',
    mistake: 'isPaused answers from the memory of the process',
    needs: ['broker.isPaused'],
    async run(context) {
      const { check } = context
      const world = new World(context)
      const [process, other] = [await world.process(), await world.another()]
      await world.insert(process, world.job('p', { type: 'paused' }))
      process.broker.down = true
      await check.rejects(
        process.store.pause('paused', true),
        'UNAVAILABLE',
        'pause while the broker is down',
      )
      await world.sweep(other)
      check.equal(await world.queues.isPaused!('paused'), true, 'isPaused after a sweep')
      await world.join(other, 'v')
      await world.nothingFor(other, 'v', 'of a paused type', PAUSED)
    },
  },
  'lost-id-audited': {
    rule: 'An overdue id that the broker does not have is published again, in time also behind a page of ids that are there.',
    why: 'A broker loses single ids: a failover to a replica that was a moment behind.',
    mistake: '`has` says yes to what is not there',
    needs: ['broker.has', 'broker.remove'],
    async run(context) {
      const { check } = context
      const world = new World(context)
      const process = await world.process()
      const ids = Array.from({ length: 25 }, (_, n) => `job-${String(n).padStart(2, '0')}`)
      await world.insert(process, ...ids)
      await world.sweep(process)
      for (const id of ['job-03', 'job-24']) await world.queues.remove!(TYPE, id)
      await world.pass(AUDIT_GRACE_MS + 100)
      for (let round = 0; round < 3; round++) await process.store.sweep({ limit: 10 })
      check.equal(
        await world.queues.has!(TYPE, ids),
        ids.map(() => true),
        'which ids the broker has',
      )
      await world.join(process, 'w')
      await world.claimAll(process, 'w', ids)
    },
  },
  'audit-passes-paused': {
    rule: 'The audit goes on from round to round, so that the overdue jobs of a paused type keep nobody else’s from being looked at.',
    why: 'A paused type is all overdue. An audit that begins at the oldest every time never gets past it.',
    mistake: 'a page that begins behind an id gives it again',
    needs: ['broker.has', 'broker.remove'],
    async run(context) {
      const { check } = context
      const world = new World(context)
      const process = await world.process()
      const stuck = Array.from({ length: 25 }, (_, n) =>
        world.job(`a-${String(n).padStart(2, '0')}`, { type: 'paused' }),
      )
      await process.store.pause('paused', true)
      await world.insert(process, ...stuck, 'z')
      await world.sweep(process)
      await world.queues.remove!(TYPE, 'z')
      await world.pass(AUDIT_GRACE_MS + 100)
      for (let round = 0; round < 4; round++) await process.store.sweep({ limit: 10 })
      check.equal(await world.queues.has!(TYPE, ['z']), [true], 'whether the broker has it again')
    },
  },
  'two-reconcilers': {
    rule: 'Sweeps of several processes at once do no harm: each death is declared once, each crash and each expiry counted once.',
    why: 'Leadership only saves work. A pause of a leader makes two of them.',
    mistake: 'two compareAndSet with the same rev both answer true',
    needs: FENCED,
    async run(context) {
      const { check } = context
      const world = new World(context)
      const process = await world.process()
      await world.insert(process, world.job('old', { type: 'other', expiresInMs: 1 }))
      const { worker, ids } = await world.orphans(process, world.job('a'), world.job('b'))
      const sweepers = await Promise.all([world.another(), world.another(), world.another()])
      const reports = (await Promise.all(sweepers.map((one) => sweepsUntilDead(world, one, worker)))).flat()
      const sum = (key: 'recovered' | 'crashed' | 'expired'): number =>
        reports.reduce((total, one) => total + one[key], 0)
      const dead = reports.flatMap((report) => report.dead)
      check.distinct(dead, 'the workers that were declared dead')
      check.equal(
        [sum('recovered'), sum('crashed'), sum('expired')],
        [2, 0, 1],
        'recovered, crashed and expired, over all three',
      )
      for (const id of ids)
        await world.is(process, id, { state: 'pending', crashes: 1 }, 'after three sweeps')
      check.equal((await process.store.counts()).types.other?.failed, 1, 'failed in the counts')
      await world.join(sweepers[0]!, 'v')
      await world.claimAll(sweepers[0]!, 'v', ids, { sweep: true })
    },
  },
  'reconcile-skips-active': {
    rule: 'Sweeps take nothing from a worker that lives, and publish nothing of what it runs.',
    why: 'A job that is published while it runs is handed around, or runs twice.',
    mistake: 'a range over a worker’s lease matches what it should not',
    async run(context) {
      const { check } = context
      const world = new World(context)
      const [process, other] = [await world.process(), await world.another()]
      await world.insert(process, 'a', 'b')
      await world.join(process, 'w')
      const jobs = await world.claimAll(process, 'w', ['a', 'b'])
      await world.sweep(other)
      await world.pass(AUDIT_GRACE_MS + 100)
      const before = other.broker.count({ step: 'publish' })
      const { dead, recovered } = await world.sweep(other)
      check.equal([dead, recovered], [[], 0], 'dead and recovered')
      check.equal(other.broker.count({ step: 'publish' }), before, 'publishes so far')
      for (const job of jobs) await world.settle(process, job, { kind: 'complete' })
    },
  },
  'reconcile-past-one-page': {
    rule: 'The jobs of a dead worker all come back, also when they are more than one round looks at.',
    why: 'A worker holds up to a thousand jobs; those behind the first page would be lost until it is too late to notice.',
    mistake: 'page does not begin behind the id it is given, or its limit cuts matching records',
    needs: ['storage.page'],
    timeoutMs: 60_000,
    async run(context) {
      const { check } = context
      const world = new World(context)
      const process = await world.process()
      const jobs = Array.from({ length: 60 }, (_, n) => world.job(`job-${String(n).padStart(2, '0')}`))
      const { worker, ids } = await world.orphans(process, ...jobs)
      const other = await world.another()
      const total = await world.sweepDead(other, worker, 7)
      check.equal(
        [total.recovered, total.crashed],
        [ids.length, 0],
        'recovered and crashed, in rounds of at most 7',
      )
      await world.join(other, 'v')
      await world.claimAll(other, 'v', ids, { sweep: true })
    },
  },
  'storage-down': {
    rule: 'When the storage is down at a claim, what the broker gave is given back with a delay and the claim rejects; it is claimed when the storage is back.',
    why: 'Without the delay every worker would spin over ids nobody can read; without the give-back they would be stuck for a lease.',
    mistake: 'nack with a delay loses the id',
    async run(context) {
      const { check } = context
      const world = new World(context)
      const process = await world.process()
      await world.insert(process, 'a', 'b')
      await world.join(process, 'w')
      process.storage.down = true
      await check.rejects(world.claim(process, 'w'), 'UNAVAILABLE', 'a claim while the storage is down')
      await check.rejects(
        process.store.insert([world.job('c')]),
        'UNAVAILABLE',
        'an insert while the storage is down',
      )
      process.storage.down = false
      if (world.exact) await world.nothingFor(process, 'w', 'before the delay is over')
      await world.expire(SECOND_LOOK_MS)
      const jobs = await world.claimAll(process, 'w', ['a', 'b'])
      check.equal(
        jobs.map(({ attempt }) => attempt),
        [1, 1],
        'the attempts',
      )
      for (const job of jobs) await world.settle(process, job, { kind: 'complete' })
    },
  },
  'storage-outage-past-lease': {
    rule: 'After an outage of the storage longer than the lease nobody is declared dead until workers had one lease’s time to renew.',
    why: 'Nobody could renew while it lasted. Declared dead at once, every worker of the cluster would lose every job.',
    mistake: 'the storage’s clock stands still while it is down',
    async run(context) {
      const { check } = context
      const world = new World(context)
      const process = await world.process()
      const sweeper = await world.another()
      const { worker, leaseMs: shortest, jobs } = await world.orphans(process, world.job('a'))
      const leaseMs = shortest * 4
      await world.beat(process, worker, jobs, { leaseMs })
      for (const line of [process.storage, sweeper.storage]) line.down = true
      for (let step = 0; step < 4; step++) {
        await check.rejects(sweeper.store.sweep({}), 'UNAVAILABLE', 'a sweep while the storage is down')
        await world.expire(leaseMs / 2)
      }
      for (const line of [process.storage, sweeper.storage]) line.down = false
      const back = performance.now()
      const report = await sweeper.store.sweep({})
      if (performance.now() - back > context.ttl * 3)
        context.inconclusive('a sweep takes longer than a lease')
      check.equal(
        [report.dead, report.recovered],
        [[], 0],
        'dead and recovered, as soon as the storage is back',
      )
      const reply = await world.beat(process, worker, jobs, { leaseMs })
      check.equal(
        [reply.alive, reply.lost],
        [true, []],
        'alive and lost, in the first heartbeat after the outage',
      )
      await world.expire(leaseMs * 2)
      const later = await world.sweepDead(sweeper, worker)
      check.equal(
        [later.dead, later.recovered],
        [[worker], 1],
        'dead and recovered, when it did not renew again',
      )
    },
  },
  'colocation-false-positive': {
    rule: 'A storage and a broker that were opened apart are never fused, though they may be of one kind on one server: their jobs go the composed way, end to end.',
    why: 'Told by a URL, two that differ in database, schema or prefix would share jobs they do not have.',
    mistake: 'the object under Symbol.for("@sched/backend") is shared by adapters that were opened apart',
    async run(context) {
      const { check } = context
      const world = new World(context)
      const backend = Symbol.for('@sched/backend')
      const of = (part: object): unknown => (part as Record<symbol, unknown>)[backend]
      const [keeps, moves] = [of(context.storage), of(context.broker)]
      check.ok(
        keeps === undefined || keeps !== moves,
        'storage and broker have no backend in common',
        'the same object',
      )
      const process = await world.process()
      await world.insert(process, 'a')
      check.ok(await world.stored('a'), 'the record is in the storage under the composed store', null)
      await world.brokerHas('a', true, 'after the insert')
      await world.join(process, 'w')
      await world.endsWell(process, 'w', await world.claimOne(process, 'w', 'a'))
    },
  },
})

/** Until some process has declared it dead, as a storage that is merely slow passes for an outage. */
async function sweepsUntilDead(world: World, { store }: Process, worker: string): Promise<SweepReport[]> {
  const reports: SweepReport[] = []
  for (let sweeps = 0; sweeps < 20; sweeps++) {
    reports.push(await store.sweep({}))
    const workers = await store.workers()
    if (workers.some(({ id, dead }) => id === worker && dead)) return reports
    await world.tick()
  }
  return reports
}
