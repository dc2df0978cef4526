import { expect, it } from 'vitest'
import { checkVersion, wantedBackends } from './backends.ts'

it('wants every backend unless told otherwise', () => {
  expect(wantedBackends('')).toEqual(['redis', 'postgres', 'mongo'])
  expect(wantedBackends('mongo, redis')).toEqual(['redis', 'mongo'])
  expect(wantedBackends('none')).toEqual([])
})

it('rejects a name that is not a backend', () => {
  expect(() => wantedBackends('redis,postgresql')).toThrow('"postgresql"; known are redis, postgres, mongo')
})

it('rejects a server that is too old', () => {
  expect(() => checkVersion('redis', '6.0.16', 'REDIS_URL')).toThrow('Redis 6.0.16 (REDIS_URL) is too old')
  expect(() => checkVersion('postgres', '9.6.24', 'initdb')).toThrow('13 or later')
  expect(() => checkVersion('redis', '6.2.0', 'REDIS_URL')).not.toThrow()
  expect(() => checkVersion('postgres', '13.1', 'initdb')).not.toThrow()
  expect(() => checkVersion('mongo', '10.0.1', 'mongod')).not.toThrow()
})
