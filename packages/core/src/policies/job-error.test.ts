import { expect, test } from 'vitest'
import { toError, toJobError } from './job-error.ts'

const no = (): never => {
  throw new Error('no')
}

test('what was thrown is an Error to hooks and listeners, also where it does not tell its prototype', () => {
  const hostile = new Proxy({}, { get: no, getPrototypeOf: no, ownKeys: no })
  const error = toError(hostile)
  expect([error.message, error.cause === hostile]).toEqual(['an error that cannot be read was thrown', true])
  expect(toJobError(hostile)).toEqual({ name: 'Error', message: error.message })
})
