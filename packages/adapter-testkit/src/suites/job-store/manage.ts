import type { JobQuery } from '@sched/core/adapter'
import { type Case, LONG, suite } from '../../case.ts'
import { BOOM, Crew } from './crew.ts'

/** One job in each state. */
async function oneOfEach(crew: Crew): Promise<void> {
  await crew.join('w')
  const ids = ['completed', 'failed', 'cancelled', 'running']
  await crew.insert(...ids)
  const claims = await crew.claimAll('w', ids, { limit: 4 })
  const of = (id: string) => claims.find((claim) => claim.id === id) ?? { id, token: '' }
  await crew.answerTo(of('completed'), { kind: 'complete' })
  await crew.answerTo(of('failed'), { kind: 'fail', error: BOOM, reason: 'error' })
  await crew.answerTo(of('cancelled'), { kind: 'cancel' })
  await crew.insert(crew.job('pending', { delayMs: LONG }))
}

const EACH = ['pending', 'running', 'completed', 'failed', 'cancelled', 'nobody']

export const manageCases: readonly Case[] = suite('job-store', ['jobStore'], {
  'change-cancel': {
    rule: 'cancel: pending → cancelled at once; running → asked for; finished → refused; unknown → missing.',
    why: 'A cancelled job that still starts is what people fear most of a queue.',
    mistake: 'only the record is changed and the queue still hands the job out',
    async run(context) {
      const { check } = context
      const crew = new Crew(context)
      await oneOfEach(crew)
      check.equal(
        await crew.store.change(EACH, { kind: 'cancel', reason: 'by hand' }),
        ['ok', 'ok', 'refused', 'refused', 'refused', 'missing'],
        `cancel of ${EACH.join(', ')}`,
      )
      const [pending, running] = await crew.store.get(['pending', 'running'])
      check.equal(
        [
          pending?.state,
          pending?.reason,
          pending?.finishedAt === null,
          running?.state,
          running?.cancelRequested,
        ],
        ['cancelled', 'by hand', false, 'running', true],
        'the pending one’s state, reason and whether it is unfinished; the running one’s state and cancelRequested',
      )
      await crew.insert('ready', 'goes')
      check.equal(
        await crew.store.change(['ready'], { kind: 'cancel' }),
        ['ok'],
        'cancel of a job that is claimable',
      )
      await crew.claimOne('w', 'goes', { limit: 10 })
      await crew.nothingFor('w', 'after the only other job was cancelled')
    },
  },
  'change-retry': {
    rule: 'retry: failed or cancelled → pending, due now, failures and crashes at 0; anything else is refused.',
    why: 'Redriving a dead letter gives it all its retries again, or it fails at once.',
    mistake: 'the failures stay, the job is not put into the queue again, or a completed one runs twice',
    async run(context) {
      const { check } = context
      const crew = new Crew(context)
      await oneOfEach(crew)
      await crew.insert(crew.job('worn', { maxRetries: 1, maxCrashes: 2, priority: 1 }))
      await crew.settle(await crew.claimOne('w', 'worn'), { kind: 'retry', delayMs: 0, error: BOOM })
      await crew.crash('w-dies', ['worn'])
      await crew.settle(await crew.claimOne('w', 'worn'), { kind: 'retry', delayMs: 0, error: BOOM })
      check.equal((await crew.record('worn')).state, 'failed', 'the state of worn')
      check.equal(
        await crew.store.change(EACH, { kind: 'retry' }),
        ['refused', 'refused', 'refused', 'ok', 'ok', 'missing'],
        `retry of ${EACH.join(', ')}`,
      )
      check.equal(await crew.store.change(['worn'], { kind: 'retry' }), ['ok'], 'retry of worn')
      const worn = await crew.record('worn')
      check.equal(
        [worn.state, worn.failures, worn.crashes, worn.finishedAt],
        ['pending', 0, 0, null],
        'state, failures, crashes and finishedAt of worn',
      )
      const claims = await crew.claimAll('w', ['failed', 'cancelled', 'worn'], { limit: 10 })
      const again = claims.find((job) => job.id === 'worn')
      if (again) await crew.settle(again, { kind: 'retry', delayMs: LONG, error: BOOM })
      check.equal((await crew.record('worn')).state, 'pending', 'the state of worn after one more failure')
    },
  },
  'change-promote-reschedule': {
    rule: 'promote: pending → due now. reschedule: pending → due at that instant or after that delay. Anything else is refused.',
    why: 'Bringing a job forward, or putting it off, must reach the queue and not only the record.',
    mistake: 'the queue keeps the old due time: earlier works, later does not, or the other way round',
    async run(context) {
      const { check } = context
      const crew = new Crew(context)
      await oneOfEach(crew)
      check.equal(
        await crew.store.change(EACH.slice(1), { kind: 'promote' }),
        ['refused', 'refused', 'refused', 'refused', 'missing'],
        `promote of ${EACH.slice(1).join(', ')}`,
      )
      check.equal(
        await crew.store.change(EACH.slice(1), { kind: 'reschedule', delayMs: 0 }),
        ['refused', 'refused', 'refused', 'refused', 'missing'],
        `reschedule of ${EACH.slice(1).join(', ')}`,
      )
      await crew.insert(
        crew.job('sooner', { delayMs: LONG }),
        crew.job('soon', { delayMs: LONG }),
        'put-off',
        'put-off-at',
      )
      const { runAt } = await crew.record('soon')
      check.equal(await crew.store.change(['sooner'], { kind: 'promote' }), ['ok'], 'promote of sooner')
      check.equal(
        await crew.store.change(['soon'], { kind: 'reschedule', delayMs: 0 }),
        ['ok'],
        'reschedule of soon',
      )
      check.equal(
        await crew.store.change(['put-off'], { kind: 'reschedule', delayMs: LONG }),
        ['ok'],
        'reschedule of put-off',
      )
      check.equal(
        await crew.store.change(['put-off-at'], { kind: 'reschedule', runAt }),
        ['ok'],
        'reschedule of put-off-at',
      )
      check.equal((await crew.record('put-off-at')).runAt, runAt, 'runAt of put-off-at')
      await crew.claimAll('w', ['sooner', 'soon'], { limit: 10 })
      await crew.nothingFor('w', 'while the others were put off')
    },
  },
  'change-discard': {
    rule: 'discard: a finished or pending job’s record is gone, and it never runs; a running one is refused.',
    why: 'Clearing dead letters must not leave an entry behind that comes up again.',
    mistake: 'the record goes but the queue keeps the id, or a running job loses its record',
    async run(context) {
      const { check } = context
      const crew = new Crew(context)
      await oneOfEach(crew)
      await crew.insert('ready', 'goes')
      check.equal(
        await crew.store.change([...EACH, 'ready'], { kind: 'discard' }),
        ['ok', 'refused', 'ok', 'ok', 'ok', 'missing', 'ok'],
        `discard of ${EACH.join(', ')} and ready`,
      )
      check.equal(
        (await crew.store.get([...EACH, 'ready'])).map((one) => one?.state ?? null),
        [null, 'running', null, null, null, null, null],
        'the states left',
      )
      await crew.claimOne('w', 'goes', { limit: 10 })
      await crew.nothingFor('w', 'after the only other ready job was discarded')
      check.equal(await crew.store.change(['ready'], { kind: 'discard' }), ['missing'], 'discard again')
    },
  },
  'list-filters': {
    rule: 'list filters by type, state, entity and schedule, all together; a walk by `after` gives each match exactly once, also while others come and go.',
    why: 'A page that skips jobs hides dead letters; one that repeats them redrives twice.',
    mistake: 'pages go by offset, or a filter is applied after the limit',
    async run(context) {
      if (context.variant === 'composed' && !context.has('storage.page'))
        context.notApplicable('the storage under the composed store has no page: core walks by offset')
      const { check } = context
      const crew = new Crew(context)
      await oneOfEach(crew)
      await crew.insert(
        crew.job('e1', { entityId: 'cust-1' }),
        crew.job('e2', { entityId: 'cust-1', type: 'note' }),
        crew.job('e3', { entityId: 'cust-10' }),
        crew.job('s1', { occurrence: { schedule: 'daily', due: 1 } }),
        crew.job('s2', { occurrence: { schedule: 'daily', due: 2 }, entityId: 'cust-1' }),
      )
      const ids = async (query: JobQuery): Promise<string[]> =>
        (await crew.store.list(query)).jobs.map((job) => job.id)
      check.sameMembers(await ids({ state: 'failed' }), ['failed'], 'list of failed')
      check.sameMembers(
        await ids({ state: ['completed', 'cancelled'] }),
        ['completed', 'cancelled'],
        'list of two states',
      )
      check.sameMembers(await ids({ type: 'note' }), ['e2'], 'list of a type')
      check.sameMembers(await ids({ entityId: 'cust-1' }), ['e1', 'e2', 's2'], 'list of an entity')
      check.sameMembers(
        await ids({ entityId: 'cust-1', type: 'mail', state: 'pending' }),
        ['e1', 's2'],
        'list of an entity, a type and a state',
      )
      check.sameMembers(await ids({ schedule: 'daily' }), ['s1', 's2'], 'list of a schedule')
      check.sameMembers(await ids({ type: 'none' }), [], 'list of a type that has none')

      const stay = Array.from({ length: 25 }, (_, n) => `walk-${String(n).padStart(2, '0')}`)
      const go = Array.from({ length: 25 }, (_, n) => `walk-${String(n).padStart(2, '0')}-goes`)
      await crew.insert(...[...stay, ...go].sort().map((id) => crew.job(id, { type: 'walk' })))
      const seen: string[] = []
      let after: string | undefined
      for (let page = 0; page < 60; page++) {
        const answer = await crew.store.list({
          type: 'walk',
          limit: 4,
          ...(after === undefined ? {} : { after }),
        })
        check.between(answer.jobs.length, 0, 4, 'jobs on a page with limit 4')
        seen.push(...answer.jobs.map((job) => job.id))
        if (answer.after === null) break
        after = answer.after
        await crew.store.change(go.splice(0, 3), { kind: 'discard' })
        await crew.insert(
          crew.job(`walk-new-${page}`, { type: 'walk' }),
          crew.job(`aaa-new-${page}`, { type: 'walk' }),
        )
      }
      check.equal(after === undefined, false, 'whether the walk had one page only')
      check.distinct(seen, 'the ids of the walk')
      check.sameMembers(
        seen.filter((id) => stay.includes(id)),
        stay,
        'those of the walk that were there all along',
      )
    },
  },
})
