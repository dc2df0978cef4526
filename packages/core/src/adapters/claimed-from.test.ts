import { expect, test } from 'vitest'
import { ClaimedFrom } from './claimed-from.ts'

test('the last claim counts, and ten thousand are remembered', () => {
  const claimed = new ClaimedFrom()
  claimed.add('w', 'a', 'first')
  claimed.add('v', 'a', 'of another')
  for (let i = 0; i < 9_998; i++) claimed.add('w', `job-${i}`, 'mail')
  claimed.add('w', 'a', 'second')
  expect(claimed.get('w', 'a')).toBe('second')
  for (let i = 0; i < 9_999; i++) claimed.add('w', `later-${i}`, 'mail')
  expect([claimed.get('w', 'a'), claimed.get('v', 'a'), claimed.get('w', 'later-9998')]).toEqual([
    'second',
    'of another',
    'mail',
  ])
  for (let i = 0; i < 20_000; i++) claimed.add('w', `last-${i}`, 'mail')
  expect([claimed.get('w', 'a'), claimed.get('w', 'nobody')]).toEqual([undefined, undefined])
})
