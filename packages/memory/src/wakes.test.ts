import { expect, test } from 'vitest'
import { Wakes } from './wakes.ts'

test('each listener hears of a name once per synchronous stretch', async () => {
  const wakes = new Wakes()
  const heard: string[] = []
  wakes.listen(['a', 'b'], (name) => void heard.push(name))
  for (let i = 0; i < 1_000; i++) for (const name of ['a', 'b', 'other']) wakes.wake(name)
  expect(heard).toEqual([])
  await null
  expect(heard).toEqual(['a', 'b'])
  wakes.wake('a')
  await null
  expect(heard).toEqual(['a', 'b', 'a'])
})

test('the same function listening twice is stopped once at a time', async () => {
  const wakes = new Wakes()
  let heard = 0
  const onWake = () => void heard++
  const stop = wakes.listen(['a'], onWake)
  wakes.listen(['a'], onWake)
  stop()
  stop()
  wakes.wake('a')
  await null
  expect(heard).toBe(1)
})

test('a wake that is under way when its listener stops is not delivered', async () => {
  const wakes = new Wakes()
  let heard = 0
  const stop = wakes.listen(['a'], () => void heard++)
  wakes.wake('a')
  stop()
  await null
  expect([heard, wakes.isEmpty]).toEqual([0, true])
})

test('a listener that throws keeps nobody else from hearing', async () => {
  const wakes = new Wakes()
  const warnings: Error[] = []
  const onWarning = (warning: Error) => void warnings.push(warning)
  process.on('warning', onWarning)
  let heard = 0
  wakes.listen(['a'], () => {
    throw new Error('a listener at fault')
  })
  wakes.listen(['a'], () => void heard++)
  wakes.wake('a')
  await new Promise((resolve) => setImmediate(resolve))
  process.off('warning', onWarning)
  expect(heard).toBe(1)
  expect(warnings.map(({ message }) => message)).toEqual(['a listener at fault'])
})
