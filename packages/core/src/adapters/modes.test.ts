import { expect, test } from 'vitest'
import { MODES, readModeOptions } from './modes.ts'

const redis = 'redis://localhost'
const postgres = 'postgres://localhost/app'
const mongo = 'mongodb://localhost'
const memory = {}
const all = { redis, postgres, mongo, memory }

test.each([
  [{ mode: 'default' }, ['memory', 'memory', 'memory']],
  [{ mode: 'redis', redis }, ['redis', 'redis', 'redis']],
  [{ mode: 'db', postgres }, ['postgres', 'postgres', 'postgres']],
  [{ mode: 'mongo', mongo }, ['mongo', 'mongo', 'mongo']],
  [{ mode: 'hybrid-db', postgres, redis }, ['postgres', 'redis', 'redis']],
  [{ mode: 'hybrid', storage: 'mongo', broker: 'redis', mongo, redis }, ['mongo', 'redis', 'redis']],
  [
    { mode: 'hybrid', storage: 'mongo', broker: 'memory', lock: 'postgres', ...all },
    ['mongo', 'memory', 'postgres'],
  ],
  [{ mode: 'redis', ...all }, ['redis', 'redis', 'redis']],
  [{ mode: 'redis', redis, postgres: { connectionString: undefined } }, ['redis', 'redis', 'redis']],
])('%j: storage, broker and lock are %j', (options, [storage, broker, lock]) => {
  expect(readModeOptions(options)).toMatchObject({ storage, broker, lock })
})

test('adapters of one’s own are handed on', () => {
  const adapters = {}
  expect(readModeOptions({ mode: 'custom', adapters })).toBe(adapters)
  expect(readModeOptions({ adapters })).toBe(adapters)
})

test.each([
  [{ mode: 'rediss' }, /there is no mode "rediss": did you mean "redis"\?/],
  [{ mode: 'hybird' }, /did you mean "hybrid"\?/],
  [{ mode: 'postgres' }, /did you mean "db"\?/],
  [{ mode: 'memory' }, /did you mean "default"\?/],
  [{ mode: 'mongodb' }, /did you mean "mongo"\?/],
  [{ mode: 'kafka' }, new RegExp(`there is no mode "kafka"; there are ${MODES.join(', ')}`)],
  [{ mode: 5 }, /there is no mode 5; there are/],
  [{ mode: 'constructor' }, /there is no mode "constructor"/],
  [{ mode: 'redis' }, /^mode 'redis' needs the option redis: a URL such as .* or an ioredis client$/],
  [{ mode: 'redis', redis: undefined }, /it is undefined: is an environment variable unset\?/],
  [{ mode: 'db', redis }, /mode 'db' needs the option postgres: a connection string such as/],
  [{ mode: 'hybrid-db', postgres }, /mode 'hybrid-db' needs the option redis/],
  [{ mode: 'hybrid', storage: 'postgres', broker: 'redis', redis }, /needs the option postgres/],
  [
    { mode: 'hybrid', ...all },
    /storage must be the name of a backend, not undefined; there are memory, redis/,
  ],
  [
    { mode: 'hybrid', storage: 'db', broker: 'redis' },
    /storage must be .*, not "db": did you mean "postgres"\?/,
  ],
  [{ mode: 'hybrid', storage: {}, broker: 'redis' }, /for an adapter of your own write mode: 'custom'/],
  [{ mode: 'redis', redis, storage: 'postgres' }, /mode 'redis' takes no storage.*mode: 'hybrid'/],
  [{ mode: 'custom' }, /adapters must be \{ storage, broker, lock \}.*not undefined/],
  [{ mode: 'db', postgres, adapters: {} }, /adapters and mode 'db' exclude each other/],
  [{ redis }, /redis is given, but no mode: write mode: 'redis'/],
  [{ postgres }, /postgres is given, but no mode: write mode: 'db'/],
  [{ storage: {} }, /storage is given, but no mode: write adapters: \{ storage, broker, lock \}/],
])('%j is refused', (options, message) => {
  expect(() => readModeOptions(options)).toThrow(message)
  expect(() => readModeOptions(options)).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }))
})
