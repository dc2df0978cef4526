import { expect, test } from 'vitest'
import { settingsOf } from './options.ts'

const URL_OF_NOBODY = 'redis://127.0.0.1:1'

test('a misspelt option is refused with the one that was meant; what is ioredis’ passes', () => {
  expect(() => settingsOf(URL_OF_NOBODY, { prefx: 'a' } as never)).toThrow('did you mean "prefix"?')
  expect(() => settingsOf(URL_OF_NOBODY, { port: 6379 } as never)).toThrow('there is no option "port"')
  expect(() => settingsOf({ onevictions: 'warn' } as never, {})).toThrow('did you mean "onEviction"?')
  const ofIoredis = {
    host: 'h',
    port: 1,
    db: 2,
    name: 'mymaster',
    role: 'master',
    tls: {},
    commandTimeout: 5,
  } as const
  expect(settingsOf({ ...ofIoredis, prefix: 'jobs' }, {})).toMatchObject({ prefix: 'jobs' })
})

test('resetOnInit takes no text that would count as true', () => {
  expect(() => settingsOf(URL_OF_NOBODY, { resetOnInit: 'false' as never })).toThrow(
    'resetOnInit must be true or false',
  )
})
