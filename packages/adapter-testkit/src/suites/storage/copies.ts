import { type Case, suite } from '../../case.ts'

export const copyCases: readonly Case[] = suite('storage', ['storage'], {
  'caller-mutation': {
    rule: 'The stored record is a copy: changing the saved object afterwards changes nothing stored.',
    why: 'Callers reuse and mutate objects; a stored job must not change behind its back.',
    mistake: 'the object itself, or a shallow copy of it, is kept in memory or in a cache',
    async run({ storage, check }) {
      const value = { n: 1, nested: { list: [1, { deep: 1 }] }, at: new Date(1000) }
      await storage.save('jobs', 'a', value)
      value.n = 2
      value.nested.list.push(9)
      ;(value.nested.list[1] as { deep: number }).deep = 2
      value.at.setTime(5)
      check.equal(
        await storage.get('jobs', 'a'),
        { n: 1, nested: { list: [1, { deep: 1 }] }, at: new Date(1000) },
        'get after the caller changed its object',
      )
    },
  },
  'returned-mutation': {
    rule: 'What get gives is a deep copy: changing it changes nothing stored.',
    why: 'Two parts of one process read the same job; one must not edit what the other sees.',
    mistake: 'get gives the stored object, or a shallow copy',
    async run({ storage, check }) {
      const value = { n: 1, nested: { list: [1, { deep: 1 }] }, at: new Date(1000) }
      await storage.save('jobs', 'a', value)
      const seen = await storage.get<typeof value>('jobs', 'a')
      check.ok(seen !== null, 'the record is there')
      seen!.n = 2
      ;(seen!.nested.list[1] as { deep: number }).deep = 2
      seen!.nested.list.push(9)
      seen!.at.setTime(5)
      check.equal(await storage.get('jobs', 'a'), value, 'a second get after the first answer was changed')
    },
  },
  'list-isolated': {
    rule: 'What list, page and getMany give are deep copies too.',
    why: 'A dashboard that formats a listed job in place must not change the job.',
    mistake: 'only get copies; list hands out the stored objects',
    async run({ storage, check, has }) {
      const value = { id: 'a', nested: { list: [1] }, at: new Date(1000) }
      type Value = typeof value
      await storage.save('jobs', 'a', value)
      const spoil = (seen: Value | null | undefined): void => {
        seen?.nested.list.push(9)
        seen?.at.setTime(5)
      }
      spoil((await storage.list<Value>('jobs'))[0])
      check.equal(await storage.get('jobs', 'a'), value, 'get after an answer of list was changed')
      if (has('storage.page')) spoil((await storage.page!<Value>('jobs', undefined, { limit: 1 }))[0]?.value)
      if (has('storage.getMany')) spoil((await storage.getMany!<Value>('jobs', ['a']))[0])
      check.equal(await storage.list('jobs'), [value], 'list after answers of page and getMany were changed')
    },
  },
})
