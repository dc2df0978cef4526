import { type Case, LONG, suite } from '../../case.ts'
import { BOOM, Crew } from './crew.ts'

export const settleCases: readonly Case[] = suite('job-store', ['jobStore'], {
  'settle-complete': {
    rule: 'A completed job is final: state, result and finishedAt are kept, no worker has it, and it is never claimed again.',
    why: 'A completed job that comes back sends its mail twice.',
    mistake: 'the job stays in the queue, or the record keeps its worker',
    async run(context) {
      const { check } = context
      const crew = new Crew(context)
      await crew.insert('a')
      await crew.join('w')
      const claim = await crew.claimOne('w', 'a')
      await crew.settle(claim, { kind: 'complete', result: { sent: 3 }, durationMs: 12 })
      const record = await crew.record('a')
      check.equal(
        [record.state, record.result, record.worker, record.attempt, record.failures, record.reason],
        ['completed', { sent: 3 }, null, 1, 0, null],
        'state, result, worker, attempt, failures and reason',
      )
      check.ok(
        record.finishedAt !== null && record.finishedAt >= (record.startedAt ?? Number.POSITIVE_INFINITY),
        'it finished after it started',
        [record.startedAt, record.finishedAt],
      )
      await crew.sweep()
      await crew.nothingFor('w', 'after the only job completed')
      await crew.insert('b')
      await crew.settle(await crew.claimOne('w', 'b'), { kind: 'complete' })
      check.equal((await crew.record('b')).result ?? null, null, 'the result of a job that gave none')
    },
  },
  'settle-retry': {
    rule: 'A retry counts a failure, keeps the error, and makes the job due after `delayMs`; beyond `maxRetries` it has failed with reason `error`.',
    why: 'Counted wrongly, a job gives up too soon or fails for ever.',
    mistake: '`maxRetries` counts runs instead of retries, or the delay is left out',
    async run(context) {
      const { check, ttl } = context
      const crew = new Crew(context)
      await crew.insert(crew.job('a', { maxRetries: 2 }))
      await crew.join('w')
      await crew.settle(await crew.claimOne('w', 'a'), { kind: 'retry', delayMs: 0, error: BOOM })
      const second = await crew.claimOne('w', 'a')
      check.equal(
        [second.attempt, second.failures, second.crashes],
        [2, 1, 0],
        'attempt, failures and crashes of the second claim',
      )
      const before = (await crew.record('a')).startedAt ?? 0
      await crew.settle(second, {
        kind: 'retry',
        delayMs: ttl,
        error: { ...BOOM, message: 'boom 2', code: 'E_SMTP' },
      })
      const waiting = await crew.record('a')
      check.equal(
        [waiting.state, waiting.failures, waiting.worker],
        ['pending', 2, null],
        'state, failures and worker while it waits',
      )
      check.equal(waiting.error, { ...BOOM, message: 'boom 2', code: 'E_SMTP' }, 'the error while it waits')
      check.ok(
        waiting.runAt >= before + ttl,
        `runAt is ${ttl} ms after the settle, or later`,
        waiting.runAt - before,
      )
      await context.pass(ttl)
      const third = await crew.claimOne('w', 'a')
      check.equal([third.attempt, third.failures], [3, 2], 'attempt and failures of the third claim')
      check.equal(third.dueAt, waiting.runAt, 'dueAt of the third claim')
      await crew.settle(third, { kind: 'retry', delayMs: 0, error: BOOM })
      const failed = await crew.record('a')
      check.equal(
        [failed.state, failed.reason, failed.failures, failed.attempt, failed.worker],
        ['failed', 'error', 3, 3, null],
        'state, reason, failures, attempt and worker after a third failure with maxRetries 2',
      )
      check.equal(failed.error, BOOM, 'the error of the failed job')
      await crew.nothingFor('w', 'after the job failed for good')
    },
  },
  'settle-retry-delay-holds': {
    rule: 'A job that waits for its retry is not claimed before it is due.',
    why: 'Without the pause a failing service is hammered exactly while it is down.',
    mistake: 'the job goes back to the queue at once, and only its record knows the delay',
    async run(context) {
      const crew = new Crew(context)
      await crew.insert(crew.job('a', { maxRetries: 2 }), crew.job('b', { priority: -1, maxRetries: 2 }))
      await crew.join('w')
      await crew.settle(await crew.claimOne('w', 'a'), { kind: 'retry', delayMs: LONG, error: BOOM })
      await crew.claimOne('w', 'b', { limit: 10 })
      await crew.tick()
      await crew.nothingFor('w', 'while a waits for its retry')
    },
  },
  'settle-fail': {
    rule: 'A failure for good makes the job a dead letter at once, whatever retries are left: reason, error and the failure are kept.',
    why: 'Somebody has to see why it failed, and nothing may run it again by itself.',
    mistake: 'fail is handled like retry, or the reason gets lost',
    async run(context) {
      const { check } = context
      const crew = new Crew(context)
      await crew.insert(crew.job('a', { maxRetries: 5 }))
      await crew.join('w')
      await crew.settle(await crew.claimOne('w', 'a'), {
        kind: 'fail',
        error: { ...BOOM, stack: 'at x' },
        reason: 'timeout',
      })
      const record = await crew.record('a')
      check.equal(
        [record.state, record.reason, record.error, record.failures, record.worker],
        ['failed', 'timeout', { ...BOOM, stack: 'at x' }, 1, null],
        'state, reason, error, failures and worker',
      )
      check.ok(record.finishedAt !== null, 'finishedAt is set')
      await crew.sweep()
      await crew.nothingFor('w', 'after the job failed')
    },
  },
  'settle-cancel': {
    rule: 'An attempt that ends as cancelled is final, with the reason given; no failure is counted.',
    why: 'An occurrence that is skipped, and a job somebody cancelled, are no failures: alerts count those.',
    mistake: 'cancel is stored as failed, or the job goes back to the queue',
    async run(context) {
      const { check } = context
      const crew = new Crew(context)
      await crew.insert('a')
      await crew.join('w')
      await crew.settle(await crew.claimOne('w', 'a'), { kind: 'cancel', reason: 'schedule disabled' })
      const record = await crew.record('a')
      check.equal(
        [record.state, record.reason, record.failures, record.worker, record.finishedAt === null],
        ['cancelled', 'schedule disabled', 0, null, false],
        'state, reason, failures, worker and whether finishedAt is missing',
      )
      await crew.nothingFor('w', 'after the job was cancelled')
    },
  },
  'settle-stale-refused': {
    rule: 'A settle whose token is not that of the running claim is `stale` and changes nothing.',
    why: 'A worker that wakes up late would overwrite the result of the one that took over.',
    mistake: 'the settle looks at the id or the worker only, not at the token',
    async run(context) {
      const { check } = context
      const crew = new Crew(context)
      await crew.insert(crew.job('a', { maxRetries: 9 }))
      await crew.join('w1')
      await crew.join('w2')
      const first = await crew.claimOne('w1', 'a')
      await crew.settle(first, { kind: 'release' })
      const second = await crew.claimOne('w2', 'a')
      for (const kind of ['complete', 'release', 'cancel'] as const) {
        check.equal(
          await crew.answerTo(first, { kind }),
          'stale',
          `the answer to ${kind} under the token of an earlier claim`,
        )
      }
      check.equal(
        await crew.answerTo(first, { kind: 'fail', error: BOOM, reason: 'error' }),
        'stale',
        'the answer to fail under the token of an earlier claim',
      )
      check.equal(
        await crew.answerTo({ id: 'a', token: 'made-up' }, { kind: 'complete' }),
        'stale',
        'the answer to complete under a token that never was',
      )
      const record = await crew.record('a')
      check.equal(
        [record.state, record.worker, record.failures, record.attempt],
        ['running', 'w2', 0, 1],
        'state, worker, failures and attempt after the refused settles',
      )
      await crew.settle(second, { kind: 'complete', result: 'mine' })
      check.equal((await crew.record('a')).result, 'mine', 'the result')

      await crew.insert('b')
      const own = await crew.claimOne('w1', 'b')
      await crew.settle(own, { kind: 'release' })
      const again = await crew.claimOne('w1', 'b')
      check.equal(
        await crew.answerTo(own, { kind: 'complete' }),
        'stale',
        'the answer under the same worker’s earlier token',
      )
      await crew.settle(again, { kind: 'complete' })
    },
  },
  'settle-repeat-not-stale': {
    rule: 'A live worker’s token for a job it no longer holds is `ok` and changes nothing: it was settled before.',
    why: 'The answer of a settle gets lost and the worker asks again; `stale` would tell it that its work was wasted.',
    mistake: 'whatever is not running is `stale`, or the repeat is applied again and counted twice',
    async run(context) {
      const { check } = context
      const crew = new Crew(context)
      await crew.insert('a', 'b', crew.job('c', { maxRetries: 3 }))
      await crew.join('w')
      const [a, b, c] = await crew.claimAll('w', ['a', 'b', 'c'], { limit: 3 })
      if (!a || !b || !c) return
      await crew.settle(a, { kind: 'complete', result: 1, durationMs: 10 })
      await crew.settle(a, { kind: 'complete', result: 2, durationMs: 10 })
      await crew.settle(a, { kind: 'fail', error: BOOM, reason: 'error' })
      await crew.settle(b, { kind: 'fail', error: BOOM, reason: 'error' })
      await crew.settle(b, { kind: 'fail', error: BOOM, reason: 'error' })
      await crew.settle(c, { kind: 'retry', delayMs: LONG, error: BOOM })
      await crew.settle(c, { kind: 'retry', delayMs: 0, error: BOOM })
      const records = await crew.store.get(['a', 'b', 'c'])
      check.equal(
        records.map((record) => [record?.state, record?.failures]),
        [
          ['completed', 0],
          ['failed', 1],
          ['pending', 1],
        ],
        'state and failures of a, b and c after each was settled twice',
      )
      check.equal(records[0]?.result, 1, 'the result of a')
      const counts = (await crew.store.counts()).types.mail
      check.equal(
        [counts?.completed, counts?.failed, counts?.durationMs],
        [1, 1, 10],
        'completed, failed and durationMs counted',
      )
      await crew.store.change(['b'], { kind: 'discard' })
      await crew.settle(b, { kind: 'complete' })
      check.equal((await crew.store.get(['b']))[0], null, 'the record of b, discarded before a last repeat')
    },
  },
  'settle-and-claim': {
    rule: 'One call settles and claims: every outcome has its answer, in order, and the jobs claimed are there besides.',
    why: 'A busy worker lives on this one call; an answer in the wrong place ends the wrong job.',
    mistake: 'answers come in the store’s order, or a stale outcome stops the claim',
    async run(context) {
      const { check } = context
      const crew = new Crew(context)
      await crew.insert('a', 'b', 'c', 'd')
      await crew.join('w')
      const [a, b] = await crew.claimAll('w', ['a', 'b'], { limit: 2 })
      if (!a || !b) return
      const both = await crew.store.settle(
        [
          { id: b.id, token: b.token, kind: 'complete' },
          { id: a.id, token: 'not-mine', kind: 'complete' },
        ],
        { worker: 'w', limit: 1, types: [{ type: 'mail' }] },
      )
      check.equal(both.settled, ['ok', 'stale'], 'the answers to completing b, and a under a wrong token')
      check.equal(
        both.jobs.map((job) => job.id),
        ['c'],
        'the job claimed by the same call',
      )
      check.equal(
        (await crew.store.get(['a', 'b', 'c', 'd'])).map((record) => record?.state),
        ['running', 'completed', 'running', 'pending'],
        'the states of a, b, c and d',
      )
      const none = await crew.store.settle([])
      check.equal([none.settled, none.jobs], [[], []], 'a settle of nothing that wants nothing')
    },
  },
  'settle-frees-its-place': {
    level: 'should',
    rule: 'settle settles first, then claims: a place under `maxActive` that an outcome freed is taken by the claim of the same call.',
    why: 'Else every second call of a limited type comes back empty, and the type runs at half its rate.',
    mistake: 'settle and claim look at the same snapshot',
    async run(context) {
      const { check } = context
      const crew = new Crew(context)
      const types = [{ type: 'mail', maxActive: 1 }]
      await crew.insert('a', 'b')
      await crew.join('w')
      const a = await crew.claimOne('w', 'a', { types })
      const both = await crew.store.settle([{ id: 'a', token: a.token, kind: 'complete' }], {
        worker: 'w',
        limit: 1,
        types,
      })
      check.equal(
        both.jobs.map((job) => job.id),
        ['b'],
        'the job claimed by the call that freed the place',
      )
    },
  },
  'settle-duplicate-ids-rejected': {
    rule: 'The outcomes of one call have distinct ids, else it rejects INVALID_ARGUMENT and nothing changed.',
    why: 'Two outcomes for one job in a batch have no order on every backend; which one won would depend on it.',
    mistake: 'the last one, or the first one, silently wins',
    async run(context) {
      const { check } = context
      const crew = new Crew(context)
      await crew.insert('a')
      await crew.join('w')
      const a = await crew.claimOne('w', 'a')
      await check.rejects(
        crew.store.settle([
          { id: 'a', token: a.token, kind: 'complete' },
          { id: 'a', token: a.token, kind: 'release' },
        ]),
        'INVALID_ARGUMENT',
        'a settle with two outcomes for a',
      )
      check.equal((await crew.record('a')).state, 'running', 'the state of a')
      await crew.settle(a, { kind: 'complete' })
    },
  },
  'release-gives-attempt-back': {
    rule: 'A released job is as it was: pending, its due time and its attempt as before the claim, no failure.',
    why: 'Jobs claimed ahead and handed back at a stop would otherwise use up their attempts without ever running.',
    mistake: 'the attempt stays counted, or the job is due anew and loses its turn in the record',
    async run(context) {
      const { check } = context
      const crew = new Crew(context)
      await crew.insert('a')
      await crew.join('w')
      const before = await crew.record('a')
      for (const round of [1, 2]) {
        const claim = await crew.claimOne('w', 'a')
        check.equal(claim.attempt, 1, `attempt of claim ${round}`)
        await crew.settle(claim, { kind: 'release' })
        const record = await crew.record('a')
        check.equal(
          [record.state, record.attempt, record.failures, record.crashes, record.worker],
          ['pending', 0, 0, 0, null],
          `state, attempt, failures, crashes and worker after release ${round}`,
        )
        check.equal(record.runAt, before.runAt, `runAt after release ${round}`)
      }
    },
  },
  snooze: {
    rule: 'A snoozed job runs `delayMs` later and not before; its attempt is given back, no failure is counted.',
    why: 'A job that waits for something else asks again many times; that must not use up its retries.',
    mistake: 'snooze is a retry without an error',
    async run(context) {
      const { check, ttl } = context
      const crew = new Crew(context)
      await crew.insert('a', 'b')
      await crew.join('w')
      const [a, b] = await crew.claimAll('w', ['a', 'b'], { limit: 2 })
      if (!a || !b) return
      const started = (await crew.record('a')).startedAt ?? 0
      await crew.settle(a, { kind: 'snooze', delayMs: ttl })
      await crew.settle(b, { kind: 'snooze', delayMs: LONG })
      const record = await crew.record('a')
      check.equal(
        [record.state, record.attempt, record.failures, record.error],
        ['pending', 0, 0, null],
        'state, attempt, failures and error',
      )
      check.ok(
        record.runAt >= started + ttl,
        `runAt is ${ttl} ms after the settle, or later`,
        record.runAt - started,
      )
      await context.pass(ttl)
      const again = await crew.claimOne('w', 'a', { limit: 10 })
      check.equal([again.attempt, again.dueAt], [1, record.runAt], 'attempt and dueAt of the next claim')
      await crew.nothingFor('w', 'while b is snoozed')
    },
  },
  'cancel-requested-ends-it': {
    rule: 'When cancellation was asked for, any way back to pending (retry, release, snooze) ends as cancelled; a completion counts.',
    why: 'Otherwise a cancelled job comes back at its next retry, as if nobody had said anything.',
    mistake: 'only the handler’s own end is looked at, and the request is forgotten when the job goes back',
    async run(context) {
      const { check } = context
      const crew = new Crew(context)
      const ids = ['retry', 'release', 'snooze', 'done']
      await crew.insert(...ids.map((id) => crew.job(id, { maxRetries: 5 })))
      await crew.join('w')
      const [retry, release, snooze, done] = await crew.claimAll('w', ids, { limit: 4 })
      if (!retry || !release || !snooze || !done) return
      check.equal(
        await crew.store.change(ids, { kind: 'cancel' }),
        ['ok', 'ok', 'ok', 'ok'],
        'the answers to cancel of running jobs',
      )
      await crew.settle(retry, { kind: 'retry', delayMs: 0, error: BOOM })
      await crew.settle(release, { kind: 'release' })
      await crew.settle(snooze, { kind: 'snooze', delayMs: 0 })
      await crew.settle(done, { kind: 'complete' })
      check.equal(
        (await crew.store.get(ids)).map((record) => record?.state),
        ['cancelled', 'cancelled', 'cancelled', 'completed'],
        'the states after retry, release, snooze and complete',
      )
      await crew.tick()
      await crew.nothingFor('w', 'after all were cancelled')
      check.equal((await crew.store.counts()).types.mail?.cancelled, 3, 'cancelled jobs counted')
    },
  },
  'cancel-reason': {
    rule: 'The reason given with the request to cancel a running job is kept when it is asked again without one, when its worker ends it by `cancel` without a reason, and when a release or a retry ends as cancelled.',
    why: 'Who cancelled a job, and why, is what is looked for in its record; the worker does not know it.',
    mistake: 'a `cancel` without a reason writes null over the reason of the request',
    async run(context) {
      const { check } = context
      const crew = new Crew(context)
      const ids = ['ended', 'released', 'retried']
      await crew.insert(...ids.map((id) => crew.job(id, { maxRetries: 5 })))
      await crew.join('w')
      const [ended, released, retried] = await crew.claimAll('w', ids, { limit: 3 })
      if (!ended || !released || !retried) return
      check.equal(
        await crew.store.change(ids, { kind: 'cancel', reason: 'by hand' }),
        ['ok', 'ok', 'ok'],
        'the answers to cancel of running jobs',
      )
      check.equal(
        await crew.store.change(ids, { kind: 'cancel' }),
        ['ok', 'ok', 'ok'],
        'the answers to a second request, without a reason',
      )
      await crew.settle(ended, { kind: 'cancel' })
      await crew.settle(released, { kind: 'release' })
      await crew.settle(retried, { kind: 'retry', delayMs: 0, error: BOOM })
      check.equal(
        (await crew.store.get(ids)).map((record) => [record?.state, record?.reason]),
        [
          ['cancelled', 'by hand'],
          ['cancelled', 'by hand'],
          ['cancelled', 'by hand'],
        ],
        'state and reason after cancel without a reason, release and retry',
      )
    },
  },
})
