import { expect, test } from 'vitest'
import { checkTarget, TargetError, timingOf } from './target.ts'

const good = { name: 'x', open: () => ({ close: () => undefined }), destroy: () => undefined }

test('a target with just a name, open and destroy is one', () => {
  expect(() => checkTarget(good)).not.toThrow()
})

test('everything that is wrong is named at once', () => {
  const wrong = {
    name: '',
    open: 1,
    timing: { signalMs: -1, patience: 5 },
    hooks: { wipe: true, fly: () => undefined },
    waive: { 'broker/fifo': ' ' },
    upstream: 7,
  }
  const message = messageOf(() => checkTarget(wrong))
  for (const culprit of [
    '`name`',
    '`open(',
    '`destroy(',
    'timing.signalMs',
    'timing.patience',
    'hooks.wipe',
    'hooks.fly',
    'waive["broker/fifo"]',
    '`upstream`',
  ])
    expect(message).toContain(culprit)
})

test.each([null, undefined, 'target', () => good])('%s is no target', (value) => {
  expect(() => checkTarget(value)).toThrow(TargetError)
})

test('timing that is not given takes the default', () => {
  expect(timingOf({ ...good, timing: { resolutionMs: 1000 } })).toMatchObject({
    resolutionMs: 1000,
    signalMs: 8_000,
  })
})

function messageOf(run: () => void): string {
  try {
    run()
  } catch (error) {
    return (error as Error).message
  }
  return 'nothing was thrown'
}
