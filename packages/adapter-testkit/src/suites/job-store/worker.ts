import { type Case, LONG, suite } from '../../case.ts'
import { BOOM, Crew } from './crew.ts'

export const workerCases: readonly Case[] = suite('job-store', ['jobStore'], {
  'heartbeat-all': {
    rule: 'One heartbeat renews the worker’s lease, and with it every claim it holds.',
    why: 'Jobs that run longer than the lease would be taken away from a healthy worker and run twice.',
    mistake: 'each claim keeps the end it got at the claim, or only the jobs of the last claim are renewed',
    async run(context) {
      const { check, ttl } = context
      const crew = new Crew(context)
      const leaseMs = 4 * ttl
      const restMs = 0.4 * leaseMs
      await crew.insert('a', 'b', 'c')
      await crew.join('other')
      let beaten = performance.now()
      await crew.join('w', leaseMs)
      const held = [...(await crew.claimAll('w', ['a', 'b'], { limit: 2 })), await crew.claimOne('w', 'c')]
      for (let beat = 1; beat <= 4; beat++) {
        await context.pass(restMs)
        const tookMs = performance.now() - beaten + (context.has('hook.advance') ? restMs : 0)
        beaten = performance.now()
        const reply = await crew.beat('w', held, leaseMs)
        const report = await crew.store.sweep({ graceMs: 0 })
        if (tookMs > 0.9 * leaseMs && (report.dead.length > 0 || !reply.alive)) {
          context.inconclusive('the machine was too slow to renew a lease in time')
        }
        check.equal(reply, { alive: true, lost: [], cancelRequested: [] }, `the answer to heartbeat ${beat}`)
        check.equal(
          [report.dead, report.recovered],
          [[], 0],
          `dead and recovered in the sweep after heartbeat ${beat}`,
        )
      }
      await crew.nothingFor('other', 'while all three are under a renewed lease')
      for (const job of held) await crew.settle(job, { kind: 'complete' })
    },
  },
  'heartbeat-reports-lost': {
    rule: '`lost` names exactly the held ids that the store does not hold for this worker under that token.',
    why: 'The worker aborts those handlers; one missing runs twice to its end, one too many is killed for nothing.',
    mistake: 'ids are compared without their tokens, or finished jobs are left out',
    async run(context) {
      const { check } = context
      const crew = new Crew(context)
      await crew.insert('mine', 'done', 'released', 'theirs')
      await crew.join('w1')
      await crew.join('w2')
      const claims = await crew.claimAll('w1', ['mine', 'done', 'released', 'theirs'], { limit: 4 })
      const [mine, done, released, theirs] = claims
      if (!mine || !done || !released || !theirs) return
      check.equal((await crew.beat('w1', claims)).lost, [], 'lost while all are held')
      await crew.settle(done, { kind: 'complete' })
      await crew.settle(theirs, { kind: 'release' })
      await crew.claimOne('w2', 'theirs')
      await crew.settle(released, { kind: 'release' })
      await crew.claimOne('w1', 'released')
      const reply = await crew.beat('w1', [...claims, { ...mine, id: 'never-was' }])
      check.sameMembers(reply.lost, ['done', 'theirs', 'released', 'never-was'], 'lost')
      check.equal(reply.alive, true, 'alive')
    },
  },
  'heartbeat-reports-cancel': {
    rule: 'Cancelling a running job is `ok`, and the next heartbeat of its worker names it in `cancelRequested`.',
    why: 'It is the only way in which a cancel reaches a handler in another process.',
    mistake:
      'cancel ends the record at once while the handler goes on, or is told to the node that asked only',
    async run(context) {
      const { check, open } = context
      const crew = new Crew(context)
      await crew.insert('a', 'b')
      await crew.join('w')
      const held = await crew.claimAll('w', ['a', 'b'], { limit: 2 })
      const other = await open()
      check.equal(
        await other.jobStore.change(['a'], { kind: 'cancel', reason: 'by hand' }),
        ['ok'],
        'the answer to cancel',
      )
      const record = await crew.record('a')
      check.equal(
        [record.state, record.cancelRequested],
        ['running', true],
        'state and cancelRequested of the record',
      )
      const reply = await crew.beat('w', held)
      check.equal(
        [reply.alive, reply.lost, reply.cancelRequested],
        [true, [], ['a']],
        'alive, lost and cancelRequested',
      )
      const a = held.find((job) => job.id === 'a')
      if (a) await crew.settle(a, { kind: 'cancel', reason: 'by hand' })
      check.equal((await crew.record('a')).reason, 'by hand', 'the reason kept')
      check.equal(
        (
          await crew.beat(
            'w',
            held.filter((job) => job.id === 'b'),
          )
        ).cancelRequested,
        [],
        'cancelRequested afterwards',
      )
    },
  },
  'heartbeat-releases-unknown': {
    rule: 'What the store holds for a worker and the worker does not hold is released, once the claim is older than `claimGraceMs`; the attempt is given back.',
    why: 'The answer of a claim gets lost: without this its jobs stay with a worker that does not know of them.',
    mistake:
      'young claims are released while their answer is under way, or the release counts as a run or a crash',
    async run(context) {
      const { check } = context
      const crew = new Crew(context)
      await crew.insert('known', 'unknown')
      await crew.join('w')
      const held = await crew.claimAll('w', ['known', 'unknown'], { limit: 2 })
      const known = held.filter((job) => job.id === 'known').map(({ id, token }) => ({ id, token }))
      const young = await crew.store.heartbeat({ id: 'w', leaseMs: LONG, claimGraceMs: LONG }, known)
      check.equal(
        [young.alive, (await crew.record('unknown')).state],
        [true, 'running'],
        'alive, and the state of a young unknown claim',
      )
      await crew.store.heartbeat({ id: 'w', leaseMs: LONG }, known)
      check.equal(
        (await crew.record('unknown')).state,
        'running',
        'the state of an unknown claim younger than the default grace',
      )
      const graceMs = context.timing.resolutionMs + 10
      await context.pass(graceMs * 2 + 10)
      await crew.store.heartbeat({ id: 'w', leaseMs: LONG, claimGraceMs: graceMs }, known)
      const record = await crew.record('unknown')
      check.equal(
        [record.state, record.attempt, record.crashes, record.failures],
        ['pending', 0, 0, 0],
        'state, attempt, crashes and failures of the unknown claim once it is old enough',
      )
      check.equal((await crew.record('known')).state, 'running', 'the state of the known claim')
      await crew.join('w2')
      const again = await crew.claimOne('w2', 'unknown')
      check.equal(again.attempt, 1, 'the attempt of its next claim')
    },
  },
  'heartbeat-leave': {
    rule: 'A worker that leaves gives back everything that it had not started, attempts included, and is no longer a worker.',
    why: 'A rolling restart must not cost a lease’s time, and not a single attempt.',
    mistake: 'leaving only stops the renewing, so that its jobs wait for the sweep and count as crashes',
    async run(context) {
      const { check } = context
      const crew = new Crew(context)
      await crew.insert('a', 'b')
      await crew.join('w')
      await crew.join('stays')
      await crew.claimAll('w', ['a', 'b'], { limit: 2 })
      await crew.store.heartbeat({ id: 'w', leaseMs: LONG, phase: 'leave' }, [])
      const records = await crew.store.get(['a', 'b'])
      check.equal(
        records.map((record) => [record?.state, record?.attempt, record?.crashes]),
        [
          ['pending', 0, 0],
          ['pending', 0, 0],
        ],
        'state, attempt and crashes of what it held',
      )
      check.equal(
        (await crew.store.workers()).filter((one) => !one.dead).map((one) => one.id),
        ['stays'],
        'the live workers',
      )
      check.equal((await crew.beat('w', [])).alive, false, 'alive in its next heartbeat')
      await crew.nothingFor('w', 'after it left')
      await crew.claimAll('stays', ['a', 'b'], { limit: 2 })
    },
  },
  'leave-keeps-started-attempts': {
    rule: 'What a worker names in `held` when it leaves was started: its attempt stays counted, an at-most-once job of it has failed as `crashed`, and a late outcome is stale.',
    why: 'A stop that could not store an outcome would otherwise let an at-most-once job run twice.',
    mistake: 'a worker that leaves gives back everything alike, whether it had started it or not',
    async run(context) {
      const { check } = context
      const crew = new Crew(context)
      const jobs = [
        crew.job('again'),
        crew.job('once', { delivery: 'at-most-once' }),
        crew.job('cancelled'),
        crew.job('unstarted', { delivery: 'at-most-once' }),
      ]
      const ids = jobs.map(({ id }) => id)
      await crew.insert(...jobs)
      await crew.join('w')
      await crew.join('stays')
      const claims = await crew.claimAll('w', ids, { limit: ids.length })
      await crew.store.change(['cancelled'], { kind: 'cancel', reason: 'by hand' })
      const held = claims.slice(0, 3).map(({ id, token }) => ({ id, token }))
      const reply = await crew.store.heartbeat({ id: 'w', leaseMs: LONG, phase: 'leave' }, held)
      check.equal(
        [reply.alive, reply.lost, reply.cancelRequested],
        [true, [], ['cancelled']],
        'alive, lost and cancelRequested in the answer',
      )
      const records = await crew.store.get(ids)
      check.equal(
        records.map((one) => [
          one?.state,
          one?.reason,
          one?.attempt,
          one?.crashes,
          one?.failures,
          one?.worker,
        ]),
        [
          ['pending', null, 1, 0, 0, null],
          ['failed', 'crashed', 1, 0, 0, null],
          ['cancelled', 'by hand', 1, 0, 0, null],
          ['pending', null, 0, 0, 0, null],
        ],
        'state, reason, attempt, crashes, failures and worker of those started and of the one that was not',
      )
      for (const job of claims.slice(0, 2)) {
        check.equal(await crew.answerTo(job, { kind: 'complete' }), 'stale', `a late completion of ${job.id}`)
      }
      const next = await crew.claimAll('stays', ['again', 'unstarted'], { limit: ids.length })
      check.equal(
        next.map((job) => job.attempt),
        [2, 1],
        'the attempts of the next claims',
      )
      for (const job of next) await crew.settle(job, { kind: 'complete' })
      await crew.nothingFor('stays', 'once both are done')
      const counts = (await crew.store.counts()).types.mail
      check.equal(
        [counts?.pending, counts?.running, counts?.completed, counts?.failed, counts?.cancelled],
        [0, 0, 2, 1, 1],
        'pending, running, completed, failed and cancelled in the counts',
      )
    },
  },
  'unknown-worker': {
    rule: 'A worker that never joined is dead: its heartbeat answers `alive: false`, and it claims nothing.',
    why: 'After the record was lost nobody would ever take its jobs back; it must start anew under a fresh id.',
    mistake: 'a heartbeat creates the record it does not find',
    async run(context) {
      const { check } = context
      const crew = new Crew(context)
      await crew.insert('a')
      check.equal((await crew.beat('nobody', [])).alive, false, 'alive of a worker that never joined')
      check.equal((await crew.beat('nobody', [])).alive, false, 'alive when it asks again')
      await crew.nothingFor('nobody', 'without having joined')
      check.equal(
        (await crew.store.heartbeat({ id: 'nobody', leaseMs: LONG, phase: 'join' }, [])).alive,
        true,
        'alive when it joins',
      )
      await crew.claimOne('nobody', 'a')
    },
  },
  'dead-worker-refused': {
    rule: 'Once a worker was declared dead its heartbeat answers `alive: false` and it claims nothing; once its jobs were taken back its tokens are `stale`.',
    why: 'A paused process wakes up and writes over what its successor did.',
    mistake:
      'a late heartbeat revives it, or its token is accepted because nobody has claimed the job again yet',
    async run(context) {
      const { check } = context
      const crew = new Crew(context)
      await crew.insert(crew.job('a', { maxRetries: 3 }), crew.job('b', { maxRetries: 3 }))
      const [a, b] = await crew.crash('w1', ['a', 'b'])
      if (!a || !b) return
      const dead = crew.swept.dead[0] ?? 'w1'
      check.equal(
        await crew.answerTo(a, { kind: 'complete', result: 'late' }),
        'stale',
        'a dead worker’s completion of a job taken back',
      )
      check.equal(
        await crew.answerTo(b, { kind: 'retry', delayMs: 0, error: BOOM }),
        'stale',
        'a dead worker’s retry of a job taken back',
      )
      const reply = await crew.beat(dead, [a, b])
      check.equal(
        [reply.alive, [...reply.lost].sort()],
        [false, ['a', 'b']],
        'alive and lost in its heartbeat',
      )
      check.equal(
        (await crew.store.heartbeat({ id: dead, leaseMs: LONG, phase: 'join' }, [])).alive,
        false,
        'alive when it joins again under the same id',
      )
      await crew.nothingFor(dead, 'after it was declared dead')
      check.equal(
        (await crew.store.get(['a', 'b'])).map((one) => [one?.state, one?.failures, one?.crashes]),
        [
          ['pending', 0, 1],
          ['pending', 0, 1],
        ],
        'state, failures and crashes of its jobs',
      )
      await crew.join('w2')
      const [again] = await crew.claimAll('w2', ['a', 'b'], { limit: 2 })
      check.equal(
        await crew.answerTo(a, { kind: 'complete' }),
        'stale',
        'its completion while another worker runs the job',
      )
      if (again) await crew.settle(again, { kind: 'complete', result: 'mine' })
      check.equal(
        await crew.answerTo(a, { kind: 'complete', result: 'late' }),
        'stale',
        'its completion after the other finished',
      )
      check.equal((await crew.record('a')).result, 'mine', 'the result')
    },
  },
  'workers-listed': {
    rule: '`workers()` lists who joined, with the end of its lease, what it runs and what it said of itself; the dead are not listed as live.',
    why: 'Operators look here first when nothing runs.',
    mistake: 'the info of the first heartbeat is lost at the second, or the list is of this process only',
    async run(context) {
      const { check, open } = context
      const crew = new Crew(context)
      const other = await open()
      const info = { name: 'host', pid: 42, types: ['mail'] }
      await crew.store.heartbeat({ id: 'w1', leaseMs: LONG, phase: 'join', info }, [])
      await other.jobStore.heartbeat({ id: 'w2', leaseMs: 2 * LONG, phase: 'join' }, [])
      await crew.insert('a')
      const a = await crew.claimOne('w1', 'a')
      await crew.store.heartbeat({ id: 'w1', leaseMs: LONG, info }, [{ id: 'a', token: a.token }])
      const workers = [...(await other.jobStore.workers())].sort((x, y) => (x.id < y.id ? -1 : 1))
      check.equal(
        workers.map((one) => [one.id, one.dead, one.running]),
        [
          ['w1', false, 1],
          ['w2', false, 0],
        ],
        'id, dead and running of the workers',
      )
      check.equal(workers[0]?.info, info, 'the info of w1')
      check.between(
        (workers[1]?.until ?? 0) - (workers[0]?.until ?? 0),
        LONG - 20_000,
        LONG + 20_000,
        'by how much the second lease ends later',
      )
    },
  },
})
