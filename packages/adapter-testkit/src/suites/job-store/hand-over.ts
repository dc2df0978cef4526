import type { ClaimedJob } from '@sched/core/adapter'
import { type Case, suite } from '../../case.ts'
import { Crew, TYPE } from './crew.ts'

/** A store may need a claim or two before it hands anything over. */
const ROUNDS = 6
/** What is handed over may be on its way while a claim gives the rest. */
const CLAIMS = 60

export const handOverCases: readonly Case[] = suite('job-store', ['jobStore'], {
  'hand-over': {
    rule: 'A claim with `handOver` is handed at most one job, claimed as by a call; whatever is not handed over is left to claims.',
    why: 'A job that is handed over and claimed as well runs twice; one that is neither never runs.',
    mistake: 'a job is given to the worker that waits, and its entry stays in the queue',
    async run(context) {
      const { check } = context
      const crew = new Crew(context)
      await crew.join('w')
      for (let round = 0; round < ROUNDS; round++) {
        const handed: ClaimedJob[] = []
        const open = { worker: 'w', limit: 1, types: [{ type: TYPE }] }
        const { jobs } = await crew.store.settle([], { ...open, handOver: (job) => void handed.push(job) })
        check.equal(jobs, [], `what a claim finds while nothing is there, round ${round}`)
        const ids = [`first-${round}`, `second-${round}`]
        for (const id of ids) await crew.insert(id)
        await crew.tick()
        check.ok(handed.length <= 1, `one job at most is handed to one claim, round ${round}`, handed.length)
        const rest: ClaimedJob[] = []
        const missing = (): number => ids.length - handed.length - rest.length
        for (let n = 0; n < CLAIMS && missing() > 0; n++) {
          rest.push(...(await crew.claim('w', { limit: missing() })))
          if (missing() > 0) await crew.tick()
        }
        check.sameMembers(
          [...handed, ...rest].map(({ id }) => id),
          ids,
          'the jobs that w could claim',
        )
        await crew.nothingFor('w', 'after both jobs came to it')
        for (const job of [...handed, ...rest]) {
          const { state, worker, fence } = await crew.record(job.id)
          check.equal(
            { state, worker, fence },
            { state: 'running', worker: 'w', fence: job.fence },
            `state, worker and fence of ${job.id}`,
          )
          await crew.settle(job, { kind: 'complete' })
        }
      }
    },
  },
})
