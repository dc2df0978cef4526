import { type Case, LONG, suite } from '../../case.ts'
import { BOOM, Crew } from './crew.ts'

export const recoverCases: readonly Case[] = suite('job-store', ['jobStore'], {
  'recover-expired': {
    rule: 'When a worker’s lease has ended, a sweep declares it dead and puts its jobs back: pending, the crash counted, claimable.',
    why: 'Without it a job whose process was killed is never run again.',
    mistake: 'only the broker’s lease is looked at, or the job comes back without being put in the queue',
    async run(context) {
      const { check } = context
      const crew = new Crew(context)
      await crew.insert('a', 'b', crew.job('c', { type: 'other' }))
      await crew.join('lives')
      await crew.claimOne('lives', 'c', { types: ['other'] })
      const first = await crew.crash('dies', ['a', 'b'])
      check.equal(crew.swept.dead.length, 1, 'how many workers the sweeps declared dead')
      check.equal([crew.swept.recovered, crew.swept.crashed], [2, 0], 'recovered and crashed in the sweeps')
      const records = await crew.store.get(['a', 'b'])
      check.equal(
        records.map((one) => [one?.state, one?.crashes, one?.failures, one?.worker, one?.attempt]),
        [
          ['pending', 1, 0, null, 1],
          ['pending', 1, 0, null, 1],
        ],
        'state, crashes, failures, worker and attempt of a and b',
      )
      check.equal((await crew.record('c')).state, 'running', 'the state of a live worker’s job')
      const again = await crew.claimAll('lives', ['a', 'b'], { limit: 2 })
      for (const job of again) {
        const before = first.find((one) => one.id === job.id)
        check.ok(
          job.attempt === 2 && job.fence > (before?.fence ?? 0) && job.token !== before?.token,
          `${job.id} has a second attempt, a higher fence and a new token`,
          job,
        )
        await crew.settle(job, { kind: 'complete' })
      }
      await crew.sweep()
      check.equal(
        [crew.swept.dead.length, crew.swept.recovered],
        [1, 2],
        'dead and recovered after one more sweep',
      )
    },
  },
  'recover-grace': {
    rule: 'A worker is declared dead `graceMs` after its lease ended, not before; until then a heartbeat saves it.',
    why: 'A short stall of the network would otherwise cost every worker its jobs at once.',
    mistake:
      'the grace is ignored, or a heartbeat past the end of the lease is refused though nobody declared the worker dead',
    async run(context) {
      const { check } = context
      const crew = new Crew(context)
      await crew.insert('a')
      const [w, a] = await context.fits(async ({ ttl, name, live }) => {
        await crew.join(name('w'), ttl)
        const job = await crew.claimOne(name('w'), 'a')
        await crew.stillLive(name('w'), live)
        await context.expire(ttl)
        return [name('w'), job] as const
      })
      const report = await crew.store.sweep({ graceMs: LONG })
      check.equal([report.dead, report.recovered], [[], 0], 'dead and recovered in a sweep with a long grace')
      const reply = await crew.beat(w, [a])
      check.equal(
        [reply.alive, reply.lost],
        [true, []],
        'alive and lost in a heartbeat after the lease ended',
      )
      const after = await crew.store.sweep({ graceMs: 0 })
      check.equal(after.dead, [], 'dead in a sweep after that heartbeat')
      await crew.settle(a, { kind: 'complete' })
    },
  },
  'recover-crash-limit': {
    rule: 'A job whose workers died `maxCrashes` times has failed with reason `crashed`; before that it comes back.',
    why: 'A job that kills its process would otherwise take down one worker after the other, for ever.',
    mistake: 'crashes count as failures, or the limit is off by one',
    async run(context) {
      const { check } = context
      const crew = new Crew(context)
      await crew.insert(crew.job('a', { maxCrashes: 2, maxRetries: 0 }))
      await crew.crash('w1', ['a'])
      const once = await crew.record('a')
      check.equal(
        [once.state, once.crashes, once.failures],
        ['pending', 1, 0],
        'state, crashes and failures after the first death',
      )
      await crew.crash('w2', ['a'])
      const record = await crew.until(
        'a',
        { state: 'failed', reason: 'crashed' },
        'after the second death, with maxCrashes 2',
      )
      check.equal(
        [record.crashes, record.failures, record.worker],
        [2, 0, null],
        'crashes, failures and worker',
      )
      check.ok(record.finishedAt !== null, 'finishedAt is set')
      check.equal([crew.swept.recovered, crew.swept.crashed], [1, 1], 'recovered and crashed in the sweeps')
      await crew.join('w3')
      await crew.nothingFor('w3', 'after the job failed as crashed')
    },
  },
  'at-most-once-crash': {
    rule: 'An at-most-once job whose worker died has failed with reason `crashed` and never runs again.',
    why: 'It was chosen because running twice is worse than not at all: a payment.',
    mistake: 'the sweep looks at crashes only, not at the delivery',
    async run(context) {
      const { check } = context
      const crew = new Crew(context)
      await crew.insert(crew.job('pay', { delivery: 'at-most-once', maxCrashes: 3, maxRetries: 5 }))
      await crew.crash('w1', ['pay'])
      const record = await crew.until('pay', { state: 'failed', reason: 'crashed' }, 'after its worker died')
      check.equal(record.crashes, 1, 'crashes')
      await crew.join('w2')
      await crew.nothingFor('w2', 'after an at-most-once job lost its worker')
    },
  },
  'recover-cancelled': {
    rule: 'A job whose cancellation was asked for and whose worker died ends as cancelled.',
    why: 'Somebody stopped it; that its worker died meanwhile is no reason to run it again.',
    mistake: 'the way back to pending after a crash does not look at the request',
    async run(context) {
      const crew = new Crew(context)
      await crew.insert('a')
      await context.fits(async ({ ttl, name, live }) => {
        await crew.join(name('w'), ttl)
        await crew.claimOne(name('w'), 'a')
        await crew.stillLive(name('w'), live)
        context.check.equal(
          await crew.store.change(['a'], { kind: 'cancel' }),
          ['ok'],
          'the answer to cancel',
        )
        await context.expire(ttl)
      })
      await crew.until('a', { state: 'cancelled' }, 'after its worker died')
      await crew.join('w2')
      await crew.nothingFor('w2', 'after it was cancelled')
    },
  },
  'sweep-twice-at-once': {
    rule: 'Two sweeps at once do no harm: a dead worker’s job is taken back once, its crash counted once.',
    why: 'Leadership only saves work: two leaders for a moment must not make two crashes of one.',
    mistake: 'the sweep reads what is overdue and then writes, without asking whether it still is',
    async run(context) {
      if (context.variant === 'composed' && !context.has('storage.compareAndSet'))
        context.notApplicable('the storage under the composed store has no compareAndSet')
      const { check, open } = context
      const crew = new Crew(context)
      const nodes = [context.node, await open(), await open()]
      const ids = Array.from({ length: 12 }, (_, n) => `job-${n}`)
      await crew.insert(...ids, crew.job('late', { type: 'other', expiresInMs: 1 }))
      await crew.tick()
      await context.fits(async ({ ttl, name, live }) => {
        await crew.join(name('w'), ttl)
        const claims = await crew.claim(name('w'), { limit: ids.length })
        await crew.stillLive(name('w'), live)
        check.equal(claims.length, ids.length, 'jobs claimed')
        await context.expire(ttl)
      })
      const recovered = async (): Promise<boolean> =>
        (await crew.store.get([...ids, 'late'])).every(
          (one) => one?.state !== 'running' && !(one?.id === 'late' && one.state === 'pending'),
        )
      for (let round = 0; round < 30 && !(await recovered()); round++) {
        const reports = await Promise.all(nodes.map(({ jobStore }) => jobStore.sweep({ graceMs: 0 })))
        for (const report of reports) crew.count(report)
        await crew.tick()
      }
      check.equal(
        (await crew.store.get(ids)).map((one) => [one?.state, one?.crashes]),
        ids.map(() => ['pending', 1]),
        'state and crashes of each job after three sweeps at once',
      )
      check.equal(
        [crew.swept.recovered, crew.swept.expired],
        [ids.length, 1],
        'recovered and expired, over all sweeps',
      )
      check.equal((await crew.store.counts()).types.other?.failed, 1, 'failed jobs counted')
    },
  },
  'sweep-bounded': {
    rule: 'One sweep touches at most `limit` jobs and says `more` while there is more; sweeping on brings all to their end.',
    why: 'A sweep over a million expired jobs in one go would stop everything else.',
    mistake: 'the limit is ignored, or `more` is false while jobs are left',
    async run(context) {
      const { check } = context
      const crew = new Crew(context)
      const ids = Array.from({ length: 7 }, (_, n) => `job-${n}`)
      await crew.insert(...ids.map((id) => crew.job(id, { expiresInMs: 1 })))
      await context.pass(context.timing.resolutionMs + 10)
      const first = await crew.store.sweep({ limit: 3, graceMs: 0 })
      const touched = first.recovered + first.crashed + first.expired + first.pruned
      check.between(touched, 0, 3, 'jobs touched by a sweep with limit 3')
      const left = (await crew.store.get(ids)).filter((one) => one?.state === 'pending').length
      check.equal(left, 7 - first.expired, 'jobs left pending by the first sweep')
      check.equal(first.more, true, 'more, while four are left')
      crew.count(first)
      for (let round = 0; round < 30; round++) {
        const report = await crew.store.sweep({ limit: 3, graceMs: 0 })
        crew.count(report)
        if (!report.more && (await crew.store.get(ids)).every((one) => one?.state === 'failed')) break
        await crew.tick()
      }
      check.equal(
        (await crew.store.get(ids)).map((one) => one?.state),
        ids.map(() => 'failed'),
        'the states when the sweeps have no more',
      )
      check.equal(crew.swept.expired, 7, 'expired over all sweeps')
    },
  },
  'expire-at-claim': {
    rule: 'An expired job is never claimed, however late the sweep: the claim fails it, and gives the next one instead.',
    why: 'A one-time password that is mailed after it expired is a support ticket.',
    mistake: 'only the sweep looks at `expiresAt`',
    async run(context) {
      const { check } = context
      const crew = new Crew(context)
      await crew.insert('now')
      const { createdAt } = await crew.record('now')
      await crew.join('w')
      await crew.insert(
        crew.job('late', { priority: 5, expiresInMs: 1 }),
        crew.job('late-at', { priority: 5, expiresAt: createdAt - 1_000 }),
        crew.job('wins', { priority: 4, expiresInMs: LONG, expiresAt: createdAt - 1_000 }),
      )
      await context.pass(context.timing.resolutionMs + 10)
      await crew.claimAll('w', ['wins', 'now'], { limit: 10 })
      await crew.nothingFor('w', 'when all that is left has expired')
      for (const id of ['late', 'late-at']) {
        const record = await crew.until(id, { state: 'failed', reason: 'expired' }, 'after it expired')
        check.equal(
          [record.attempt, record.fence, record.startedAt],
          [0, 0, null],
          `attempt, fence and startedAt of ${id}`,
        )
      }
    },
  },
  'expire-pending': {
    rule: 'A sweep fails expired jobs with reason `expired`, also when nobody claims their type, also delayed and retrying ones.',
    why: 'Jobs of a type that no worker has would wait for ever, and nobody would be told.',
    mistake: 'only due jobs are looked at, or expired jobs vanish instead of failing',
    async run(context) {
      const { check } = context
      const crew = new Crew(context)
      await crew.insert(
        crew.job('due', { expiresInMs: 1 }),
        crew.job('delayed', { delayMs: LONG, expiresInMs: 1 }),
        crew.job('keeps', { expiresInMs: LONG }),
        'never',
      )
      await context.pass(context.timing.resolutionMs + 10)
      for (const id of ['due', 'delayed']) {
        const record = await crew.until(id, { state: 'failed', reason: 'expired' }, 'after a sweep')
        check.ok(
          record.finishedAt !== null && record.attempt === 0,
          `${id} finished without an attempt`,
          record,
        )
      }
      check.equal(crew.swept.expired, 2, 'expired in the sweeps')
      check.equal(
        (await crew.store.get(['keeps', 'never'])).map((one) => one?.state),
        ['pending', 'pending'],
        'the states of those that have not expired',
      )
      await crew.join('w')
      await crew.claimAll('w', ['keeps', 'never'], { limit: 10 })
      await crew.nothingFor('w', 'when all that is left has expired')
    },
  },
  'expiry-spares-running': {
    rule: 'A job that started in time is not failed as expired: `expiresAt` is about the start.',
    why: 'A long handler would have its result thrown away while it works.',
    mistake: 'the sweep fails everything unfinished past `expiresAt`',
    async run(context) {
      const { check } = context
      const crew = new Crew(context)
      await context.fits(async ({ ttl, name, live }) => {
        const id = name('a')
        await crew.join(name('w'))
        await crew.insert(crew.job(id, { expiresInMs: ttl }))
        const claim = await crew.claim(name('w'))
        live()
        check.equal(
          claim.map((job) => job.id),
          [id],
          'the claim before it expires',
        )
        await context.expire(ttl)
        await crew.sweep()
        check.equal((await crew.record(id)).state, 'running', 'the state after a sweep past expiresAt')
        const [job] = claim
        if (job) await crew.settle(job, { kind: 'complete' })
      })
    },
  },
  'crashes-apart-from-failures': {
    rule: 'Failures and crashes count apart: a crash uses up no retry, a failure no crash.',
    why: 'A deployment that kills workers must not turn healthy jobs into dead letters.',
    mistake: 'one counter serves both',
    async run(context) {
      const { check } = context
      const crew = new Crew(context)
      await crew.insert(crew.job('a', { maxRetries: 1, maxCrashes: 2 }))
      await crew.crash('w1', ['a'])
      await crew.join('w2')
      await crew.settle(await crew.claimOne('w2', 'a'), { kind: 'retry', delayMs: 0, error: BOOM })
      const record = await crew.record('a')
      check.equal(
        [record.state, record.failures, record.crashes],
        ['pending', 1, 1],
        'state, failures and crashes after one of each',
      )
      const claim = await crew.claimOne('w2', 'a')
      check.equal(
        [claim.attempt, claim.failures, claim.crashes],
        [3, 1, 1],
        'attempt, failures and crashes of the third claim',
      )
      await crew.settle(claim, { kind: 'complete' })
    },
  },
})
