import { type Case, suite } from '../../case.ts'
import { numbered, type Row, saveRows } from '../storage/records.ts'
import { turns } from './turns.ts'

export const storageRaceCases: readonly Case[] = suite('race', ['storage'], {
  'prune-vs-save': {
    rule: 'A record that is saved while prune runs is there afterwards: prune deletes only what is old when it deletes it.',
    why: 'A job that is redriven at the moment of the sweep would vanish.',
    mistake: 'prune reads the ids of old records and then deletes by id',
    async run(context) {
      const { check, open } = context
      const nodes = [context.storage, (await open()).storage]
      const before = Date.UTC(2024, 0, 1)
      for (let round = 0; round < 6; round++) {
        const all = numbered(40, `r${round}-`)
        await saveRows(
          nodes[0]!,
          'jobs',
          all.map((id): Row => ({ id, finishedAt: before - 1 })),
        )
        const again = context.random.shuffle(all).slice(0, 20)
        const save = async (id: string): Promise<void> => {
          await turns(context)
          await nodes[1]!.save('jobs', id, { id, finishedAt: null, again: round })
        }
        const [pruned] = await Promise.all([
          turns(context).then(() => nodes[0]!.prune('jobs', before)),
          ...again.map(save),
        ])
        for (const id of again)
          check.equal(
            await nodes[0]!.get('jobs', id),
            { id, finishedAt: null, again: round },
            `the record ${id}, saved while prune ran`,
          )
        check.between(
          pruned,
          20,
          40,
          'how many prune says it deleted of 40 old records, 20 being saved anew meanwhile',
        )
        await nodes[0]!.prune('jobs', before)
        check.equal(await nodes[0]!.count('jobs'), again.length, 'count after another prune')
        for (const id of again) await nodes[0]!.delete('jobs', id)
      }
    },
  },
})
