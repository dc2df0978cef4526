import { type Case, LONG, suite } from '../../case.ts'
import { BOOM, Crew, type OutcomeOf, TYPE } from './crew.ts'

async function finish(crew: Crew, id: string, outcome: OutcomeOf, type = TYPE): Promise<void> {
  await crew.settle(await crew.claimOne('w', id, { types: [type] }), outcome)
}

export const keepCases: readonly Case[] = suite('job-store', ['jobStore'], {
  'repeat-after-finish': {
    rule: 'The id of a job that ended is `exists`: while its record is there, and for `rememberMs` after it ended when the record is gone.',
    why: 'An enqueue repeated after a lost answer must not run the job a second time, however fast it was done.',
    mistake: 'the id is free as soon as the job left the queue, or when its record is pruned',
    async run(context) {
      const { check } = context
      const crew = new Crew(context)
      await crew.join('w')
      const none = { completed: { count: 0 }, failed: { count: 0 } }
      const gone = { type: 'gone', retention: none }
      await crew.insert(
        'kept',
        crew.job('pruned', { ...gone, rememberMs: LONG }),
        crew.job('failed', { ...gone, rememberMs: LONG }),
        crew.job('discarded', { rememberMs: LONG, delayMs: LONG }),
        crew.job('default', gone),
      )
      await finish(crew, 'kept', { kind: 'complete' })
      await finish(crew, 'pruned', { kind: 'complete' }, 'gone')
      await finish(crew, 'failed', { kind: 'fail', error: BOOM, reason: 'error' }, 'gone')
      check.equal(
        await crew.store.change(['discarded'], { kind: 'discard' }),
        ['ok'],
        'the answer to discard',
      )
      await finish(crew, 'default', { kind: 'complete' }, 'gone')
      await crew.sweep()
      const ids = ['kept', 'pruned', 'failed', 'discarded', 'default']
      check.equal(
        (await crew.store.get(ids)).map((one) => one === null),
        [false, true, true, true, true],
        'which records are gone',
      )
      check.equal(
        await crew.store.insert(ids.map((id) => crew.job(id))),
        ids.map(() => 'exists'),
        `inserting ${ids.join(', ')} again`,
      )
      await crew.nothingFor('w', 'after repeats of finished jobs', { types: ['mail', 'gone'] })
    },
  },
  'remember-ends': {
    level: 'should',
    rule: 'When `rememberMs` have passed since the job ended and its record is gone, its id is free again.',
    why: 'Ids remembered for ever fill the server.',
    mistake: 'remembered ids are never deleted',
    async run(context) {
      const { check, ttl } = context
      const crew = new Crew(context)
      await crew.join('w')
      await crew.insert(crew.job('a', { retention: { completed: { count: 0 } }, rememberMs: ttl }))
      const first = await crew.claimOne('w', 'a')
      await crew.settle(first, { kind: 'complete', result: 1 })
      await context.expire(ttl)
      let answer: unknown
      for (let round = 0; round < 30 && answer !== 'inserted'; round++) {
        await crew.sweep()
        answer = (await crew.store.insert([crew.job('a', { payload: 'new' })]))[0]
      }
      check.equal(answer, 'inserted', 'inserting the id again after its time')
      check.equal(await crew.answerTo(first, { kind: 'release' }), 'ok', 'a repeat of the first job’s settle')
      const again = await crew.claimOne('w', 'a')
      check.equal([again.payload, again.attempt], ['new', 1], 'payload and attempt of the new job')
      check.equal(
        await crew.answerTo(first, { kind: 'complete' }),
        'stale',
        'the first job’s token while the new one runs',
      )
    },
  },
  'prune-retention': {
    rule: 'Of the finished jobs of a type and state the latest `count` stay, decided at the settle; `count: 0` keeps none.',
    why: 'Without it the store grows with every job; with one kept too few, the last result is gone before it is read.',
    mistake: 'the oldest are kept, the bound is off by one, or the states share one bound',
    async run(context) {
      if (context.variant === 'composed' && !context.has('storage.compareAndSet'))
        context.notApplicable('the storage under the composed store has no compareAndSet')
      const { check } = context
      const crew = new Crew(context)
      await crew.join('w')
      const retention = { completed: { count: 2 }, failed: { count: 1 }, cancelled: { count: 0 } }
      const ids = ['c1', 'c2', 'c3', 'c4', 'f1', 'f2', 'x1']
      await crew.insert(
        ...ids.map((id) => crew.job(id, { retention })),
        crew.job('o1', { type: 'other', retention }),
      )
      for (const id of ids) {
        await finish(
          crew,
          id,
          id.startsWith('c')
            ? { kind: 'complete' }
            : id.startsWith('f')
              ? { kind: 'fail', error: BOOM, reason: 'error' }
              : { kind: 'cancel' },
        )
        await crew.tick()
      }
      await crew.settle(await crew.claimOne('w', 'o1', { types: ['other'] }), { kind: 'complete' })
      const left = (await crew.store.list({})).jobs.map((job) => job.id)
      check.sameMembers(
        left,
        ['c3', 'c4', 'f2', 'o1'],
        'the jobs left of four completed (2 kept), two failed (1), one cancelled (0), and one of another type',
      )
    },
  },
  'prune-age': {
    rule: 'A sweep deletes finished jobs older than `ageMs`, each state by its own, and nothing unfinished, however old.',
    why: 'A delayed job that is pruned by its age is lost.',
    mistake: 'age goes by createdAt, or the states share one bound',
    async run(context) {
      const { check, ttl } = context
      const crew = new Crew(context)
      await crew.join('w')
      const retention = { completed: { ageMs: ttl }, failed: { ageMs: LONG }, cancelled: { ageMs: ttl } }
      await crew.insert(
        ...['done', 'failed', 'cancelled', 'running'].map((id) => crew.job(id, { retention })),
      )
      await crew.insert(
        crew.job('later', { retention, delayMs: LONG }),
        crew.job('fresh', { type: 'other', retention: { completed: { ageMs: LONG } } }),
      )
      await finish(crew, 'done', { kind: 'complete' })
      await finish(crew, 'failed', { kind: 'fail', error: BOOM, reason: 'error' })
      await finish(crew, 'cancelled', { kind: 'cancel' })
      await crew.claimOne('w', 'running')
      await finish(crew, 'fresh', { kind: 'complete' }, 'other')
      await context.expire(ttl)
      const ids = ['done', 'cancelled']
      for (let round = 0; round < 30 && (await crew.store.get(ids)).some((one) => one !== null); round++)
        await crew.sweep()
      check.equal(
        await crew.store.get(ids),
        [null, null],
        'the records of done and cancelled, older than their age',
      )
      const left = (await crew.store.list({})).jobs.map((job) => job.id)
      check.sameMembers(left, ['failed', 'running', 'later', 'fresh'], 'the jobs left')
      check.ok(crew.swept.pruned >= 2, 'the sweeps report what they pruned', crew.swept.pruned)
    },
  },
  'prune-age-holds': {
    rule: 'A finished job younger than `ageMs` stays, whatever sweeps; its age counts from its end, not from when it was inserted.',
    why: 'A result, or a dead letter, is read after the job ended.',
    mistake: 'the sweep compares with the wrong sign, or by createdAt',
    async run(context) {
      const { check, ttl } = context
      const crew = new Crew(context)
      await crew.join('w')
      const ageMs = 4 * ttl
      await crew.insert(crew.job('old', { retention: { completed: { ageMs } } }), 'plain')
      await context.expire(ageMs)
      const start = performance.now()
      await finish(crew, 'old', { kind: 'complete' })
      await crew.store.sweep({ graceMs: 0 })
      const [old] = await crew.store.get(['old'])
      if (old === null && performance.now() - start > ageMs / 2) {
        context.inconclusive(
          `one sweep took longer than half of the age of ${ageMs} ms: raise timing.shortestTtlMs`,
        )
      }
      check.equal(
        old?.state,
        'completed',
        'the state of a job that was inserted long ago and has just finished',
      )
      await finish(crew, 'plain', { kind: 'fail', error: BOOM, reason: 'error' })
      await crew.sweep()
      check.equal(
        (await crew.record('plain')).state,
        'failed',
        'the state of a job that keeps to the defaults',
      )
    },
  },
  stats: {
    rule: 'counts() gives each type’s pending, running and finished jobs, the summed durationMs of the completed, and whether it is paused.',
    why: 'Dashboards and alerts live on these numbers.',
    mistake: 'counters drift when a job goes back to pending, or types share one counter',
    async run(context) {
      const { check } = context
      const crew = new Crew(context)
      await crew.join('w')
      const ids = ['a', 'b', 'c', 'd', 'e', 'f']
      await crew.insert(
        ...ids.map((id) => crew.job(id, { maxRetries: 3 })),
        crew.job('o', { type: 'other', delayMs: LONG }),
      )
      const [a, b, c, d, e] = await crew.claimAll('w', ids.slice(0, 5), { limit: 5 })
      if (!a || !b || !c || !d || !e) return
      await crew.settle(a, { kind: 'complete', durationMs: 30 })
      await crew.settle(b, { kind: 'complete', durationMs: 12 })
      await crew.settle(c, { kind: 'fail', error: BOOM, reason: 'error' })
      await crew.settle(d, { kind: 'retry', delayMs: LONG, error: BOOM })
      await crew.store.change(['f'], { kind: 'cancel' })
      await crew.store.pause('other', true)
      const zero = {
        pending: 0,
        running: 0,
        completed: 0,
        failed: 0,
        cancelled: 0,
        durationMs: 0,
        paused: false,
      }
      const { types } = await crew.store.counts()
      check.equal(
        types.mail,
        { ...zero, pending: 1, running: 1, completed: 2, failed: 1, cancelled: 1, durationMs: 42 },
        'the counts of mail',
      )
      check.equal(types.other, { ...zero, pending: 1, paused: true }, 'the counts of other')
    },
  },
  'counters-survive-prune': {
    rule: 'Finished jobs are counted for good: neither retention nor a discard lowers the counters.',
    why: 'A rate drawn from a counter that goes down shows nonsense, and “how many mails did we send” has no answer.',
    mistake: 'the counts are those of the records',
    async run(context) {
      const { check } = context
      const crew = new Crew(context)
      await crew.join('w')
      const retention = { completed: { count: 1 }, failed: { count: 0 }, cancelled: { ageMs: 1 } }
      await crew.insert(...['c1', 'c2', 'c3', 'f1', 'x1'].map((id) => crew.job(id, { retention })))
      for (const id of ['c1', 'c2', 'c3']) await finish(crew, id, { kind: 'complete', durationMs: 5 })
      await finish(crew, 'f1', { kind: 'fail', error: BOOM, reason: 'error' })
      await finish(crew, 'x1', { kind: 'cancel' })
      await context.pass(context.timing.resolutionMs + 10)
      for (let round = 0; round < 30 && (await crew.store.get(['x1']))[0] !== null; round++)
        await crew.sweep()
      check.equal(
        (await crew.store.list({})).jobs.map((job) => job.id),
        ['c3'],
        'the records left',
      )
      const numbers = async () => {
        const mail = (await crew.store.counts()).types.mail
        return [
          mail?.completed,
          mail?.failed,
          mail?.cancelled,
          mail?.durationMs,
          mail?.pending,
          mail?.running,
        ]
      }
      check.equal(
        await numbers(),
        [3, 1, 1, 15, 0, 0],
        'completed, failed, cancelled, durationMs, pending and running',
      )
      await crew.store.change(['c3'], { kind: 'discard' })
      check.equal(await numbers(), [3, 1, 1, 15, 0, 0], 'the same after a discard')
    },
  },
})
