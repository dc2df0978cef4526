import { expect, test } from 'vitest'
import type { ILockAdapter } from '../../contracts/lock-adapter.ts'
import { TypeSlots } from './type-slots.ts'

/** Grants everything, and notes what is asked of it. */
function openLock(): { lock: ILockAdapter; asked: string[] } {
  const asked: string[] = []
  const answer = (what: string) => async (_key: string, owner: string) => {
    asked.push(`${what} ${owner}`)
    return true
  }
  const lock = {
    acquire: answer('acquire'),
    renew: answer('renew'),
    release: async (_key: string, owner: string) => void asked.push(`release ${owner}`),
    isOwner: answer('isOwner'),
  }
  return { lock, asked }
}

test('a worker that is no more leaves nothing here: no key is renewed, and no job frees one', async () => {
  const { lock, asked } = openLock()
  const slots = new TypeSlots(lock)
  for (const worker of ['dead', 'lives']) {
    const [key] = await slots.take('mail', worker, 1, 1, 1_000)
    slots.assign(worker, `job of ${worker}`, key!)
  }
  slots.drop('dead')
  asked.length = 0
  await slots.renew('dead', 1_000)
  await slots.free(['job of dead', 'job of lives'])
  expect(asked).toEqual(['release lives'])
})
