import { expect, onTestFinished, test } from 'vitest'
import { JobCancelledError, UnavailableError } from '../errors/sched-error.ts'
import { type Attempt, AttemptContext, type ContextHost } from './attempt.ts'

function setup(renew: () => Promise<void>) {
  const unheard: unknown[] = []
  const hear = (error: unknown): void => void unheard.push(error)
  process.on('unhandledRejection', hear)
  onTestFinished(() => void process.off('unhandledRejection', hear))
  const attempt = { abortError: undefined } as { abortError: Error | undefined }
  const host = {
    isShuttingDown: false,
    progress() {},
    signOfLife() {},
    log() {},
    renew,
  } satisfies ContextHost
  return { unheard, attempt, context: new AttemptContext(attempt as Attempt, host) }
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

test('touch and updateProgress that nobody awaits end no process when the attempt is over, and reject for who does', async () => {
  const { unheard, attempt, context } = setup(async () => {})
  attempt.abortError = new JobCancelledError('j1')
  void context.touch()
  void context.updateProgress(10)
  void context.updateProgress(1_000)
  await turn()
  expect(unheard).toEqual([])
  await expect(context.touch()).rejects.toBe(attempt.abortError)
  await expect(context.updateProgress(10)).rejects.toBe(attempt.abortError)
  await expect(context.updateProgress(1_000)).rejects.toThrow('from 0 to 100, not 1000')
})

test('nor does a touch that nobody awaits while the store is away', async () => {
  const away = new UnavailableError('nobody answers')
  const { unheard, context } = setup(() => Promise.reject(away))
  const { touch } = context
  void touch()
  await turn()
  expect(unheard).toEqual([])
  await expect(touch()).rejects.toBe(away)
})
