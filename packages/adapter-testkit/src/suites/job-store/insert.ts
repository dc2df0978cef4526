import { SchedError } from '@sched/core/adapter'
import { type Case, LONG, suite } from '../../case.ts'
import { Crew } from './crew.ts'

export const insertCases: readonly Case[] = suite('job-store', ['jobStore'], {
  'insert-idempotent': {
    rule: 'The same job id again is `exists`, in a later call, in the same call and from another node; nothing changes.',
    why: 'A caller repeats an enqueue whose answer was lost; two jobs would send two mails.',
    mistake: 'insert overwrites, or looks for the id first and writes in a second step',
    async run(context) {
      const { check, open } = context
      const crew = new Crew(context)
      const answers = await crew.store.insert([
        crew.job('a'),
        crew.job('b'),
        crew.job('a', { payload: 'second' }),
      ])
      check.equal(answers, ['inserted', 'inserted', 'exists'], 'insert of a, b and a again in one call')
      check.equal(
        await crew.store.insert([crew.job('a', { payload: 'third', priority: 9 })]),
        ['exists'],
        'insert of a in a later call',
      )
      const record = await crew.record('a')
      check.equal([record.payload, record.priority], [{ of: 'a' }, 0], 'payload and priority of a')

      const nodes = [context.node, await open(), await open()]
      const race = await Promise.all(
        nodes.map(({ jobStore }, n) => jobStore.insert([crew.job('c', { payload: n })])),
      )
      check.sameMembers(
        race.flat().map(String),
        ['inserted', 'exists', 'exists'],
        'the answers of three nodes that insert c at once',
      )
      await crew.join('w')
      const claimed = await crew.claimAll('w', ['a', 'b', 'c'], { limit: 10 })
      check.equal((await crew.claim('w', { limit: 10 })).length, 0, `jobs left after ${claimed.length}`)
    },
  },
  'insert-bad-one-isolated': {
    rule: 'A job that cannot be inserted gets an Error as its answer; the others of the call are inserted.',
    why: 'One bad payload in a bulk enqueue would otherwise lose, or block, hundreds of good jobs.',
    mistake: 'the first invalid job rejects the whole call, or the error takes the place of another answer',
    async run(context) {
      const { check } = context
      const crew = new Crew(context)
      const answers = await crew.store.insert([
        crew.job('good-1'),
        crew.job('too-high', { priority: 21 }),
        crew.job('good-2'),
        crew.job('half', { priority: 0.5 }),
        crew.job('nan', { payload: { n: Number.NaN } }),
        crew.job('', {}),
        crew.job('both', { delayMs: 1, runAt: 1 }),
        crew.job('early', { delayMs: -1 }),
        crew.job('good-3'),
      ])
      const kinds = answers.map((answer) =>
        answer instanceof Error ? (answer instanceof SchedError ? answer.code : answer.name) : answer,
      )
      check.equal(
        kinds,
        [
          'inserted',
          'INVALID_ARGUMENT',
          'inserted',
          'INVALID_ARGUMENT',
          'VALUE_UNSERIALIZABLE',
          'INVALID_ARGUMENT',
          'INVALID_ARGUMENT',
          'INVALID_ARGUMENT',
          'inserted',
        ],
        'the answers to a call with good and bad jobs',
      )
      await crew.join('w')
      await crew.claimAll('w', ['good-1', 'good-2', 'good-3'], { limit: 10 })
      check.equal(
        await crew.store.get(['too-high', 'nan', 'both']),
        [null, null, null],
        'records of the refused ones',
      )
    },
  },
  'insert-roundtrip': {
    rule: 'What was inserted comes back with the claim and in the record: payload, priority, entity, occurrence, options, limits.',
    why: 'The runtime reads the handler’s data, its retries and its timeouts from the claim, and nowhere else.',
    mistake: 'a field is left out of the claim, or the payload is kept by reference or loses its dates',
    async run(context) {
      const { check } = context
      const crew = new Crew(context)
      const payload = {
        at: new Date(86_400_000),
        list: [],
        nul: 'a\0b',
        deep: { n: [1, null, { $date: 5 }] },
      }
      const kept = structuredClone(payload)
      const job = crew.job('a', {
        payload,
        priority: -3,
        maxRetries: 7,
        maxCrashes: 2,
        delivery: 'at-most-once',
        entityId: 'customer:1',
        occurrence: { schedule: 'daily', due: 1_700_000_000_000 },
        options: { timeout: 500 },
        expiresInMs: LONG,
      })
      const inserted = crew.insert(job)
      payload.deep.n.length = 0
      await inserted
      await crew.join('w')
      const claimed = await crew.claimOne('w', 'a')
      const record = await crew.record('a')
      const wanted = {
        id: 'a',
        type: 'mail',
        payload: kept,
        priority: -3,
        maxRetries: 7,
        delivery: 'at-most-once',
        entityId: 'customer:1',
        occurrence: { schedule: 'daily', due: 1_700_000_000_000 },
        options: { timeout: 500 },
        attempt: 1,
        failures: 0,
        crashes: 0,
      }
      for (const [what, seen] of [
        ['claimed job', claimed],
        ['record', record],
      ] as const) {
        check.equal(pick(seen, Object.keys(wanted)), wanted, `the ${what}`)
      }
      check.equal(record.maxCrashes, 2, 'maxCrashes of the record')
      check.between(
        (claimed.expiresAt ?? 0) - claimed.createdAt,
        LONG - 5,
        LONG + 5,
        'expiresAt of the claimed job minus its createdAt, for expiresInMs 600000',
      )
      check.equal(record.expiresAt, claimed.expiresAt, 'expiresAt of the record and of the claim')
      await crew.settle(claimed, { kind: 'complete', result: { done: new Date(5), parts: [1, { two: 2 }] } })
      check.equal(
        (await crew.record('a')).result,
        { done: new Date(5), parts: [1, { two: 2 }] },
        'the result in the record',
      )
      const shared = { alike: {}, priority: 2, maxRetries: 3 }
      await crew.insert(crew.job('b', shared))
      await crew.insert(
        crew.job('c', shared),
        crew.job('d', { alike: {} }),
        crew.job('e', shared),
        crew.job('f'),
      )
      const others = ['b', 'c', 'd', 'e', 'f']
      check.equal(
        (await crew.store.get(others)).map(
          (one) => one && pick(one, ['id', 'payload', 'priority', 'maxRetries']),
        ),
        others.map((id) => ({
          id,
          payload: { of: id },
          priority: 'bce'.includes(id) ? shared.priority : 0,
          maxRetries: 'bce'.includes(id) ? shared.maxRetries : 0,
        })),
        'the records of three jobs that are alike and two that are not',
      )
    },
  },
  'insert-defaults': {
    rule: 'What a NewJob leaves out takes the default named: due now, 0 retries, 3 crashes, at-least-once, no expiry, nothing chosen.',
    why: 'A store with other defaults retries what must not be retried, or gives up where it should not.',
    mistake: 'an absent field is stored as undefined, or as a default of the store’s own',
    async run(context) {
      const { check } = context
      const crew = new Crew(context)
      await crew.insert('a')
      const record = await crew.record('a')
      check.equal(
        pick(record, [
          'state',
          'attempt',
          'failures',
          'crashes',
          'fence',
          'maxRetries',
          'maxCrashes',
          'delivery',
          'worker',
          'startedAt',
          'finishedAt',
          'expiresAt',
          'cancelRequested',
          'reason',
          'error',
          'entityId',
          'occurrence',
        ]),
        {
          state: 'pending',
          attempt: 0,
          failures: 0,
          crashes: 0,
          fence: 0,
          maxRetries: 0,
          maxCrashes: 3,
          delivery: 'at-least-once',
          worker: null,
          startedAt: null,
          finishedAt: null,
          expiresAt: null,
          cancelRequested: false,
          reason: null,
          error: null,
          entityId: null,
          occurrence: null,
        },
        'the record of a job inserted with nothing chosen',
      )
      check.between(record.runAt - record.createdAt, -5_000, 5_000, 'runAt minus createdAt of a job due now')
      check.equal(await crew.store.insert([]), [], 'insert of nothing')
      check.equal(
        await crew.store.get(['x', 'a', 'y']).then((all) => all.map((one) => one?.id ?? null)),
        [null, 'a', null],
        'get of x, a and y',
      )
    },
  },
  'insert-delayed': {
    rule: 'delayMs and runAt say when a job is due; it is never claimed earlier; an instant in the past counts as now.',
    why: 'A reminder that goes out an hour early is worse than none.',
    mistake: 'the delay is ignored, taken as an instant, or overflows beyond 2^31 ms',
    async run(context) {
      const { check, ttl } = context
      const crew = new Crew(context)
      await crew.join('w')
      await crew.insert(crew.job('far', { delayMs: 2 ** 31 + 60_000 }), crew.job('later', { delayMs: LONG }))
      await crew.insert(crew.job('past', { runAt: 1_000 }))
      const past = await crew.claimOne('w', 'past', { limit: 10 })
      await crew.nothingFor('w', 'while far and later are not due')
      check.between(
        past.createdAt - past.dueAt,
        -5_000,
        5_000,
        'createdAt minus dueAt of a job whose runAt was 1970',
      )

      const { runAt: due } = await crew.record('later')
      await crew.insert(crew.job('soon', { delayMs: ttl }), crew.job('at', { runAt: due }))
      check.equal((await crew.record('at')).runAt, due, 'runAt of a job inserted for that instant')
      const soon = await crew.record('soon')
      check.between(soon.runAt - soon.createdAt, ttl - 5, ttl + 5, `runAt minus createdAt for delayMs ${ttl}`)
      await context.pass(ttl)
      const claimed = await crew.claimOne('w', 'soon', { limit: 10 })
      check.equal(claimed.dueAt, soon.runAt, 'dueAt of the claim is when it was due, before the claim')
      check.ok(
        ((await crew.record('soon')).startedAt ?? 0) >= soon.runAt - 1,
        'soon did not start before it was due',
        await crew.record('soon'),
      )
    },
  },
  'unique-occurrence': {
    rule: 'An occurrence’s id comes from its schedule and due instant, so however many nodes insert it, it is one job, found by its schedule.',
    why: 'Every worker that boots inserts the next occurrence; the daily invoice run must not run once a worker.',
    mistake: 'insert is not atomic across nodes, or the occurrence is not kept with the job',
    async run(context) {
      if (context.variant === 'composed' && !context.has('storage.compareAndSet'))
        context.notApplicable('the storage under the composed store has no compareAndSet')
      const { check, open } = context
      const crew = new Crew(context)
      const nodes = [context.node, await open(), await open(), await open()]
      const occurrence = { schedule: 'daily', due: 1_700_000_000_000 }
      const job = crew.job('daily@1700000000000', { occurrence })
      const answers = await Promise.all(nodes.map(({ jobStore }) => jobStore.insert([job])))
      check.equal(
        answers.flat().filter((answer) => answer === 'inserted').length,
        1,
        'how many of four inserts said `inserted`',
      )
      await crew.insert(crew.job('weekly@1', { occurrence: { schedule: 'weekly', due: 1 } }), 'plain')
      const page = await crew.store.list({ schedule: 'daily' })
      check.equal(
        page.jobs.map((one) => [one.id, one.occurrence]),
        [[job.id, occurrence]],
        'the jobs of the schedule daily',
      )
      await crew.join('w')
      const claimed = await crew.claimAll('w', [job.id, 'weekly@1', 'plain'], { limit: 10 })
      await crew.nothingFor('w', 'when all three were claimed')
      const daily = claimed.find((one) => one.id === job.id)
      check.equal(daily?.occurrence, occurrence, 'the occurrence in the claim')
      if (daily) await crew.settle(daily, { kind: 'complete' })
      check.equal(await crew.store.insert([job]), ['exists'], 'insert of the occurrence after it ran')
    },
  },
})

function pick(from: object, keys: readonly string[]): Record<string, unknown> {
  return Object.fromEntries(keys.map((key) => [key, (from as Record<string, unknown>)[key]]))
}
