import { type Case, LONG, suite } from '../../case.ts'
import { BOOM, Crew } from './crew.ts'

export const claimCases: readonly Case[] = suite('job-store', ['jobStore'], {
  'claim-order': {
    rule: 'Within a type the higher priority comes first, then the earlier due time, then the order of inserting.',
    why: 'An urgent job must not wait behind a backlog, and equals are served in turn.',
    mistake: 'priority is sorted upside down, or the answer of a batch is not sorted again',
    async run(context) {
      const { check, ttl } = context
      const crew = new Crew(context)
      await crew.join('w')
      await crew.insert(
        crew.job('due-3', { delayMs: 6 * ttl }),
        crew.job('due-1', { delayMs: 2 * ttl }),
        crew.job('due-2', { delayMs: 4 * ttl }),
      )
      await crew.insert(
        crew.job('urgent-late', { priority: 5, delayMs: 4 * ttl }),
        crew.job('urgent', { priority: 5, delayMs: 2 * ttl }),
      )
      await context.pass(6 * ttl)
      await crew.insert(
        crew.job('low', { priority: -20 }),
        ...['1', '2', '3', '4', '5', '6'].map((n) => crew.job(`mid-${n}`)),
        crew.job('high', { priority: 20 }),
      )
      await crew.tick()
      const jobs = await crew.claim('w', { limit: 100 })
      check.equal(
        jobs.map((job) => job.id),
        [
          'high',
          'urgent',
          'urgent-late',
          'due-1',
          'due-2',
          'due-3',
          'mid-1',
          'mid-2',
          'mid-3',
          'mid-4',
          'mid-5',
          'mid-6',
          'low',
        ],
        'the ids of one claim, in order',
      )
    },
  },
  'hands-out-copies': {
    rule: 'What a claim or a read hands out is the caller’s own: changing it changes nothing stored.',
    why: 'Handlers change their payload; a retry, another reader, or the record of the finished job would see that.',
    mistake: 'the store keeps the row it handed out and writes it back whole when the job is settled',
    async run(context) {
      const { check } = context
      const crew = new Crew(context)
      const fields = {
        payload: { list: [1, { deep: 'before' }], at: new Date(1) },
        options: { timeoutMs: 5_000, backoff: { type: 'fixed', delayMs: 1 } },
        occurrence: { schedule: 'nightly', due: 1_000 },
      }
      await crew.insert(crew.job('a', { ...structuredClone(fields), maxRetries: 2 }))
      await crew.join('w')
      const stored = (record: { readonly [K in keyof typeof fields]: unknown }): unknown => {
        const { payload, options, occurrence } = record
        return { payload, options, occurrence }
      }
      for (const round of [1, 2]) {
        const claim = await crew.claimOne('w', 'a')
        check.equal(stored(claim), fields, `payload, options and occurrence of claim ${round}`)
        scribble(claim.payload, claim.options, claim.occurrence)
        await crew.settle(claim, { kind: 'retry', delayMs: 0, error: { ...BOOM } })
        const record = await crew.record('a')
        check.equal(
          stored(record),
          fields,
          `payload, options and occurrence of the record after round ${round}`,
        )
        check.equal(record.error, BOOM, `the error of the record after round ${round}`)
        scribble(record.payload, record.options, record.occurrence, record.error)
      }
      const last = await crew.claimOne('w', 'a')
      scribble(last.payload, last.options, last.occurrence)
      await crew.settle(last, { kind: 'complete', result: { deep: ['before'] } })
      scribble((await crew.record('a')).result)
      const record = await crew.record('a')
      check.equal(stored(record), fields, 'payload, options and occurrence of the finished job')
      check.equal(record.result, { deep: ['before'] }, 'its result')
      const listed = (await crew.store.list({ type: 'mail' })).jobs
      check.equal(listed.map(stored), [fields], 'payload, options and occurrence in the list')
    },
  },
  'claim-exact-slots': {
    rule: 'A claim gives at most `limit` in all and `limit` of each type, all of them distinct, and no fewer than that of one type that has them.',
    why: 'A worker given more jobs than it has slots lets them wait under its lease; given fewer, it idles.',
    mistake: 'the limit is applied per type only, or per inner query, or expired rows count against it',
    async run(context) {
      const { check } = context
      const crew = new Crew(context)
      await crew.join('w')
      await crew.insert(...[1, 2, 3, 4, 5].map((n) => crew.job(`a${n}`, { type: 'alpha' })))
      await crew.insert(...[1, 2, 3, 4, 5].map((n) => crew.job(`b${n}`, { type: 'beta' })))
      check.equal(
        (await crew.claim('w', { limit: 0, types: ['alpha', 'beta'] })).length,
        0,
        'jobs of a claim with limit 0',
      )
      check.equal((await crew.claim('w', { limit: 5, types: [] })).length, 0, 'jobs of a claim of no type')
      const first = await crew.claim('w', { limit: 3, types: ['alpha'] })
      check.equal(
        first.map((job) => job.id),
        ['a1', 'a2', 'a3'],
        'a claim of 3 of a type with 5 jobs',
      )
      const second = await crew.claim('w', {
        limit: 4,
        types: [
          { type: 'alpha', limit: 1 },
          { type: 'beta', limit: 2 },
        ],
      })
      const ofType = (type: string): number => second.filter((job) => job.type === type).length
      check.between(second.length, 1, 3, 'jobs of a claim with limit 1 of alpha and 2 of beta')
      check.ok(
        ofType('alpha') <= 1 && ofType('beta') <= 2,
        'no type beyond its own limit',
        second.map((job) => job.id),
      )
      const third = await crew.claim('w', { limit: 2, types: ['alpha', 'beta'] })
      check.between(third.length, 1, 2, 'jobs of a claim of 2 over both types')
      const had = [...first, ...second, ...third].map((job) => job.id)
      check.distinct(had, 'the ids of all three claims')
      const rest = ['a1', 'a2', 'a3', 'a4', 'a5', 'b1', 'b2', 'b3', 'b4', 'b5'].filter(
        (id) => !had.includes(id),
      )
      await crew.claimAll('w', rest, { limit: 10, types: ['alpha', 'beta'] })
      await crew.nothingFor('w', 'when all ten are claimed', { types: ['alpha', 'beta'] })
      check.equal((await crew.claim('w', { types: ['gamma'] })).length, 0, 'jobs of a type that has none')
    },
  },
  'claim-disjoint': {
    rule: 'Claims of several nodes at once never give the same job twice, and together they give all.',
    why: 'A job claimed by two workers runs twice at the same time.',
    mistake:
      'a claim finds its jobs first and takes them in a second step, without asking whether it still may',
    async run(context) {
      const { check, open } = context
      const crew = new Crew(context)
      const ids = Array.from({ length: 60 }, (_, n) => `job-${n}`)
      await crew.insert(...ids)
      const nodes = [context.node, await open(), await open()]
      for (const node of nodes) await crew.join(`w-${node.label}`, LONG, node)
      const got: string[] = []
      const tokens: string[] = []
      for (let round = 0; round < 60 && got.length < ids.length; round++) {
        const claims = await Promise.all(
          nodes.flatMap((node) => [0, 1].map(() => crew.claim(`w-${node.label}`, { limit: 4, node }))),
        )
        for (const job of claims.flat()) {
          got.push(job.id)
          tokens.push(`${job.id} ${job.token}`)
        }
        if (claims.flat().length === 0) await crew.tick()
      }
      check.distinct(got, 'the ids that three nodes claimed at once')
      check.sameMembers(got, ids, 'all that was claimed')
      check.distinct(tokens, 'their tokens')
    },
  },
  'concurrency-cluster-wide': {
    rule: '`maxActive` holds over the cluster: never are more of the type running, whoever asks; a settle frees its place.',
    why: 'The limit guards something that breaks under more: an API quota, a licence, a small database.',
    mistake: 'the running jobs are counted per worker, or counted first and claimed in a second step',
    async run(context) {
      const { check, open } = context
      const crew = new Crew(context)
      const nodes = [context.node, await open()]
      const types = [{ type: 'api', maxActive: 2 }]
      await crew.insert(...Array.from({ length: 6 }, (_, n) => crew.job(`api-${n}`, { type: 'api' })))
      for (const node of nodes) await crew.join(`w-${node.label}`, LONG, node)
      const all = async (): Promise<number> =>
        (await crew.store.list({ type: 'api', state: 'running' })).jobs.length
      const race = async () =>
        (
          await Promise.all(
            nodes.flatMap((node) =>
              [0, 1].map(() => crew.claim(`w-${node.label}`, { limit: 6, types, node })),
            ),
          )
        ).flat()
      const first = await race()
      check.between(first.length, 0, 2, 'jobs that four claims at once got, with maxActive 2')
      for (let round = 0; round < 20 && first.length < 2; round++) {
        first.push(...(await crew.claim('w-A', { limit: 6, types })))
        await crew.tick()
      }
      check.equal([first.length, await all()], [2, 2], 'jobs claimed and running with maxActive 2')
      check.equal((await race()).length, 0, 'jobs claimed while two are running')
      const [one] = first
      if (one) await crew.settle(one, { kind: 'complete' })
      const next: string[] = []
      for (let round = 0; round < 20 && next.length < 1; round++) {
        next.push(...(await race()).map((job) => job.id))
        if (next.length === 0) await crew.tick()
      }
      check.equal(
        [next.length, await all()],
        [1, 2],
        'jobs claimed, and running, after one of two was settled',
      )
    },
  },
  'concurrency-place-comes-back': {
    rule: 'A place under `maxActive` comes back when its job retries, is released, or its worker dies.',
    why: 'A leaked place never comes back: after N crashes the type stands still until somebody restarts everything.',
    mistake: 'only a completed job gives its place back',
    async run(context) {
      const crew = new Crew(context)
      const types = [{ type: 'mail', maxActive: 1 }]
      await crew.insert(crew.job('a', { priority: 9, maxRetries: 5 }), 'b')
      await crew.join('w')
      await crew.settle(await crew.claimOne('w', 'a', { types }), { kind: 'release' })
      await crew.settle(await crew.claimOne('w', 'a', { types }), {
        kind: 'retry',
        delayMs: LONG,
        error: { name: 'E', message: 'x' },
      })
      await crew.settle(await crew.claimOne('w', 'b', { types }), { kind: 'snooze', delayMs: LONG })
      await crew.insert('c', 'd')
      await crew.settle(await crew.claimOne('w', 'c', { types }), {
        kind: 'fail',
        error: { name: 'E', message: 'x' },
        reason: 'error',
      })
      await crew.crash('w-dies', ['d'], { types })
      await crew.claimOne('w', 'd', { types })
      await crew.nothingFor('w', 'while d runs and maxActive is 1', { types })
    },
  },
  'attempt-at-claim': {
    rule: 'The attempt is counted at the claim, so that a crash of the worker counts as an attempt.',
    why: 'Counted at the end, a job that kills its process has no attempts however often it runs, and never stops.',
    mistake: 'the attempt goes up at the settle, or is not written to the record',
    async run(context) {
      const { check } = context
      const crew = new Crew(context)
      await crew.insert('a')
      const [first] = await crew.crash('w1', ['a'])
      check.equal([first?.attempt, first?.crashes], [1, 0], 'attempt and crashes of the first claim')
      await crew.join('w2')
      const second = await crew.claimOne('w2', 'a')
      check.equal(
        [second.attempt, second.crashes, second.failures],
        [2, 1, 0],
        'attempt, crashes and failures after a crash',
      )
      const record = await crew.record('a')
      check.equal(
        [record.state, record.attempt, record.worker],
        ['running', 2, 'w2'],
        'state, attempt and worker of the record',
      )
      check.ok(
        record.startedAt !== null && record.startedAt >= record.createdAt,
        'startedAt is the claim',
        record.startedAt,
      )
    },
  },
  'fence-grows': {
    rule: 'The fence grows with every claim of a job, also where the attempt is given back; each claim has a token of its own.',
    why: 'Handlers guard writes elsewhere with it: a number that comes twice lets a paused worker overwrite its successor.',
    mistake: 'the fence is the attempt, or starts again after a release or a retry by hand',
    async run(context) {
      const { check } = context
      const crew = new Crew(context)
      await crew.insert(crew.job('a', { maxRetries: 9 }))
      await crew.join('w')
      const claims = [await crew.claimOne('w', 'a')]
      const last = () => claims[claims.length - 1] as (typeof claims)[number]
      await crew.settle(last(), { kind: 'release' })
      claims.push(await crew.claimOne('w', 'a'))
      await crew.settle(last(), { kind: 'snooze', delayMs: 0 })
      claims.push(await crew.claimOne('w', 'a'))
      await crew.settle(last(), { kind: 'retry', delayMs: 0, error: { name: 'E', message: 'x' } })
      claims.push(...(await crew.crash('w-dies', ['a'])))
      claims.push(await crew.claimOne('w', 'a'))
      await crew.settle(last(), { kind: 'fail', error: { name: 'E', message: 'x' }, reason: 'error' })
      await crew.store.change(['a'], { kind: 'retry' })
      claims.push(await crew.claimOne('w', 'a'))
      const fences = claims.map((claim) => claim.fence)
      check.ok(
        fences.every((fence, i) => Number.isInteger(fence) && fence > (fences[i - 1] ?? 0)),
        'the fences of six claims of one job grow from 1 on',
        fences,
      )
      check.distinct(
        claims.map((claim) => claim.token),
        'the tokens of six claims of one job',
      )
      check.equal((await crew.record('a')).fence, last().fence, 'the fence in the record')
    },
  },
  'next-due': {
    rule: '`nextDueInMs` says when time alone makes something claimable for the wanted types: 0 now, null never or nothing wanted.',
    why: 'A worker sleeps that long: too long and jobs start late, 0 for ever and it spins.',
    mistake: 'other types count, paused ones count, or the delay of what is not claimable yet is left out',
    async run(context) {
      if (context.variant === 'composed' && !context.has('broker.nextDueIn'))
        context.notApplicable('the broker under the composed store has no nextDueIn')
      const { check } = context
      const crew = new Crew(context)
      const dueIn = async (types: readonly string[], limit = 0): Promise<number | null> =>
        (await crew.store.settle([], { worker: 'w', limit, types: types.map((type) => ({ type })) }))
          .nextDueInMs
      await crew.join('w')
      check.equal((await crew.store.settle([])).nextDueInMs, null, 'nextDueInMs when nothing is wanted')
      check.equal(await dueIn(['mail'], 1), null, 'nextDueInMs of a type without jobs')
      await crew.insert(crew.job('later', { delayMs: LONG }), crew.job('far', { delayMs: 5 * LONG }))
      await crew.insert(crew.job('now', { type: 'other' }))
      check.between(
        (await dueIn(['mail'], 1)) ?? -1,
        LONG - 20_000,
        LONG,
        `nextDueInMs with a job due in ${LONG} ms`,
      )
      await crew.insert('a', 'b')
      await crew.tick()
      const first = await crew.store.settle([], { worker: 'w', limit: 1, types: [{ type: 'mail' }] })
      check.equal([first.jobs.length, first.nextDueInMs], [1, 0], 'jobs and nextDueInMs of a claim of 1 of 2')
      await crew.claimOne('w', 'b')
      check.between((await dueIn(['mail'], 1)) ?? -1, 1, LONG, 'nextDueInMs when only later jobs are left')
      await crew.store.pause('mail', true)
      check.equal(await dueIn(['mail'], 1), null, 'nextDueInMs of a paused type')
    },
  },
  'pause-resume': {
    rule: 'A paused type is not claimed by any node; its running jobs settle, delays run on, inserting works; resuming brings all back.',
    why: 'Pausing is what people do in an incident: it must hold everywhere, and lose nothing.',
    mistake: 'the pause lives in one process, or pausing refuses what is inserted or running',
    async run(context) {
      const { check, open, ttl } = context
      const crew = new Crew(context)
      const other = await open()
      await crew.join('w')
      await crew.insert(crew.job('running', { priority: 1 }), 'waiting', crew.job('note', { type: 'note' }))
      const running = await crew.claimOne('w', 'running')
      await other.jobStore.pause('mail', true)
      await other.jobStore.pause('mail', true)
      await crew.nothingFor('w', 'of a paused type')
      await crew.nothingFor('w', 'of a paused type on another node', { node: other })
      await crew.insert(crew.job('new'), crew.job('delayed', { delayMs: ttl }))
      await crew.claimOne('w', 'note', { types: ['mail', 'note'], limit: 10 })
      await crew.settle(running, { kind: 'complete' })
      check.equal((await crew.store.counts()).types.mail?.paused, true, 'paused in the counts')
      await context.pass(ttl)
      await crew.nothingFor('w', 'of a paused type after a delay ended')
      await crew.store.pause('mail', false)
      check.equal(
        (await crew.store.counts()).types.mail?.paused,
        false,
        'paused in the counts after resuming',
      )
      await crew.claimAll('w', ['waiting', 'new', 'delayed'], { limit: 10 })
      await crew.store.pause('early', true)
      await crew.store.pause('early', false)
      check.equal(
        (await crew.store.counts()).types.early?.paused,
        false,
        'paused in the counts of a type resumed before its first job',
      )
    },
  },
  'subscribe-wakes': {
    level: 'should',
    rule: 'A subscriber is woken when something of its type becomes claimable; after it stopped, it is not.',
    why: 'A wake is only a hint, but without it every job waits for the next poll.',
    mistake: 'only the node that inserted is woken',
    async run(context) {
      const { check, open, eventually } = context
      if (context.variant === 'composed' && !context.has('broker.subscribe')) {
        context.notApplicable('the broker under the composed store has no subscribe')
      }
      const crew = new Crew(context)
      const other = await open()
      const woken: string[] = []
      const stop = await crew.store.subscribe(['mail', 'note'], (type) => {
        woken.push(type)
      })
      await other.jobStore.insert([crew.job('a')])
      await eventually(
        () => woken.includes('mail'),
        'a wake for mail after another node inserted a job of it',
      )
      await stop()
      woken.length = 0
      await other.jobStore.insert([crew.job('b', { type: 'note' })])
      await crew.tick()
      check.equal(woken, [], 'wakes after the subscriber stopped')
    },
  },
})

/** Changes everything that can be changed in `values`; what a store froze stays. */
function scribble(...values: readonly unknown[]): void {
  for (const value of values) {
    if (typeof value !== 'object' || value === null) continue
    scribble(...Object.values(value))
    if (value instanceof Date) value.setTime(0)
    else if (Array.isArray(value)) value.push('scribbled')
    else for (const key of [...Object.keys(value), 'scribbled']) Reflect.set(value, key, 'scribbled')
  }
}
