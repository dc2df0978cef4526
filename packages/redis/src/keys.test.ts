import { expect, test } from 'vitest'
import { brokerBase, everyKeyOf, jobBase, lockKey, queueBase, storageBase, wakeKey } from './keys.ts'

/** What Redis Cluster hashes: between the first brace and the first closing one after it. */
function hashTag(key: string): string {
  const start = key.indexOf('{')
  const end = key.indexOf('}', start + 1)
  return start < 0 || end <= start + 1 ? key : key.slice(start + 1, end)
}

test('different parts never meet in one key', () => {
  const names = ['a', 'a:b', 'b', 'a}', '{a', 'a%3Ab', '%', 's:a', 'q:', 'é']
  const keys = names.flatMap((prefix) =>
    names.flatMap((name) => [
      storageBase(prefix, name),
      lockKey(prefix, name),
      jobBase(prefix, name),
      queueBase(prefix, name),
    ]),
  )
  expect(new Set(keys).size).toBe(keys.length)
})

test('every key of a queue shares the tag of its scope, whatever its name', () => {
  for (const name of ['p:r:e:mail', 'p:r:e:{}', 'mail', '}{:::x', 'p:r:e:a:b']) {
    const base = brokerBase('x', name)
    expect(hashTag(queueBase('x', name))).toBe(hashTag(base))
    expect(hashTag(wakeKey(base, name))).toBe(hashTag(base))
  }
  expect(brokerBase('x', 'p:r:e:mail')).toBe(brokerBase('x', 'p:r:e:note'))
  expect(brokerBase('x', 'p:r:e:mail')).not.toBe(brokerBase('x', 'p:r:f:mail'))
})

test('the pattern of a prefix matches its keys and no sibling', () => {
  const glob = (pattern: string): RegExp =>
    new RegExp(
      `^${pattern.replace(/\\(.)|\*|[.+^${}()|[\]]/g, (part, escaped) => (part === '*' ? '.*' : `\\${escaped ?? part}`))}$`,
    )
  const pattern = glob(everyKeyOf('a*b'))
  expect(pattern.test(storageBase('a*b', 'x'))).toBe(true)
  for (const sibling of ['a*', 'a*bc', 'axb', 'a*b:x'])
    expect(pattern.test(storageBase(sibling, 'x'))).toBe(false)
})
