import { expect, test } from 'vitest'
import { postgres } from './index.ts'
import { migrationSql } from './migrations.ts'
import { poolConfig, settingsOf } from './options.ts'

const URL_OF_NOBODY = 'postgres://user:secret@127.0.0.1:1/none'

test.each(['', 'Sched', 'a-b', 'a"b', 'a b', '1a', 'é', 'x'.repeat(42), "a'; drop table x; --"])(
  'a schema named %j is refused',
  (schema) => {
    expect(() => postgres(URL_OF_NOBODY, { schema })).toThrow('schema must match [a-z_][a-z0-9_]{0,40}')
    expect(() => migrationSql({ schema })).toThrow('schema must match')
    if (schema !== '')
      expect(() => postgres(URL_OF_NOBODY, { tablePrefix: schema })).toThrow('tablePrefix must match')
  },
)

test.each([
  [{ poolSize: 0 }, 'poolSize'],
  [{ poolSize: 1.5 }, 'poolSize'],
  [{ operationDeadlineMs: 0 }, 'operationDeadlineMs'],
  [{ prefix: '' }, 'prefix'],
  [{ prefix: 'x'.repeat(201) }, 'prefix'],
])('%j is refused by name', (options, name) => {
  expect(() => settingsOf(URL_OF_NOBODY, options)).toThrow(name)
})

test('options may stand beside those of the connection, and pg sees only its own', () => {
  const source = { host: 'db', port: 6000, schema: 'jobs', poolSize: 3, listen: false } as const
  const settings = settingsOf(source, { poolSize: 5 })
  expect(settings).toMatchObject({ schema: 'jobs', poolSize: 5, listen: false, prepare: true })
  expect(poolConfig(source, settings)).toEqual({
    application_name: 'sched',
    keepAlive: true,
    idleTimeoutMillis: 30_000,
    host: 'db',
    port: 6000,
    max: 5,
  })
})

test('a misspelt option is refused with the one that was meant; what is pg’s passes', () => {
  expect(() => postgres(URL_OF_NOBODY, { tabelPrefix: 'a' } as never)).toThrow('did you mean "tablePrefix"?')
  expect(() => postgres(URL_OF_NOBODY, { max: 3 } as never)).toThrow('there is no option "max"')
  expect(() => postgres({ connectionString: URL_OF_NOBODY, poolsize: 3 } as never)).toThrow('"poolSize"')
  const ofPg = { host: 'db', user: 'u', ssl: true, min: 1, statement_timeout: 5, application_name: 'shop' }
  expect(settingsOf(ofPg, {})).toMatchObject({ schema: 'sched' })
})

test.each(['resetOnInit', 'migrate', 'prepare', 'listen'])(
  '%s takes no text that would count as true',
  (flag) => {
    expect(() => postgres(URL_OF_NOBODY, { [flag]: 'false' })).toThrow(`${flag} must be true`)
  },
)
