import type { Lease } from '@sched/core/adapter'
import { type Case, LONG, suite } from '../../case.ts'

/** A broker may need a claim or two before it hands anything over. */
const ROUNDS = 6

export const brokerHandOverCases: readonly Case[] = suite('broker', ['broker', 'broker.claimLeases'], {
  'hand-over': {
    rule: 'A claim with `handOver` is handed at most one id, leased as by a call; whatever is not handed over is left to claims.',
    why: 'An id that is handed over and claimed as well runs on two workers; one that is neither waits for the end of a lease.',
    mistake: 'an id is given to the consumer that waits, and its entry stays in the queue',
    async run({ broker, check, open, stays }) {
      const other = await open()
      for (let round = 0; round < ROUNDS; round++) {
        const handed: Lease[] = []
        const claim = (limit: number): Promise<Lease[]> =>
          broker.claimLeases!('mail', 'c', limit, LONG, { handOver: (lease) => void handed.push(lease) })
        check.equal(await claim(1), [], `what a claim finds while nothing is there, round ${round}`)
        const ids = [`first-${round}`, `second-${round}`]
        for (const id of ids) await other.broker.publish('mail', id)
        await stays(new Promise(() => undefined), 'nothing')
        check.ok(handed.length <= 1, `one id at most is handed to one claim, round ${round}`, handed.length)
        const given = await claim(5)
        const leases = [...handed, ...given]
        check.sameMembers(
          leases.map(({ id }) => id),
          ids,
          'what was handed over and what the next claim gave',
        )
        check.equal(await other.broker.claim('mail', 'd', 5, LONG), [], 'claim by another, all being leased')
        for (const { id, receipt } of leases)
          check.ok((await broker.ack('mail', id, receipt)) !== false, `ack of ${id} by its receipt`, receipt)
      }
    },
  },
})
