import { expect, test } from 'vitest'
import type { BackendName } from './backend-config.ts'
import { checkConfig, checkSource } from './check-config.ts'

class Client {
  duplicate(): void {}
}
class Pool {
  connect(): void {}
  query(): void {}
}
class Db {
  collection(): void {}
}

test.each<[BackendName, unknown]>([
  ['memory', { prefix: 'a', server: {}, maxRememberedIds: 0 }],
  ['redis', 'redis://user:secret@h:1/2'],
  ['redis', 'rediss://h'],
  ['redis', 'localhost:6379'],
  ['redis', { host: 'h', port: 1, password: 'x', tls: {}, prefix: 'p', onEviction: 'warn', logger: console }],
  ['redis', { sentinels: [{ host: 'h', port: 26_379 }], name: 'main' }],
  ['redis', { cluster: [{ host: 'h', port: 1 }] }],
  ['redis', new Client()],
  ['postgres', 'postgresql://h/d'],
  ['postgres', '/var/run/postgresql app'],
  ['postgres', { connectionString: 'postgres://h/d', tablePrefix: 'jobs', poolSize: 10 }],
  ['postgres', { host: 'h', database: 'd', password: () => 'x', ssl: true, listen: false }],
  ['postgres', new Pool()],
  ['mongo', 'mongodb+srv://h/d'],
  ['mongo', { url: 'mongodb://h', database: 'd', writeConcern: 'majority' }],
  ['mongo', new Db()],
])('%s accepts %j', (name, config) => {
  expect(() => checkConfig(name, config)).not.toThrow()
})

test.each<[BackendName, unknown, RegExp]>([
  ['memory', 'x', /^memory must be options such as \{ server \}, not a string$/],
  ['memory', { sever: {} }, /^memory has no option "sever": did you mean "server"\?$/],
  ['redis', '', /^redis is an empty text: it must be a URL such as redis:/],
  ['redis', 'postgres://u:secret@h/d', /^redis is a postgres:\/\/ URL: it must be a URL such as redis:/],
  ['redis', null, /^redis must be a URL .*, not null$/],
  ['redis', ['redis://h'], /^redis must be a URL .*, not an array$/],
  ['redis', 6379, /not a number$/],
  ['redis', {}, /^redis needs `url`, `host`, `sentinels` or `cluster`; it must be/],
  ['redis', { hots: 'h' }, /redis has no option "hots": did you mean "host"\?/],
  ['redis', { host: 'h', port: '6379' }, /^redis\.port: .*expected number/],
  ['redis', { host: 'h', onEviction: 'ignore' }, /^redis\.onEviction: .*"refuse"\|"warn"/],
  [
    'redis',
    { host: 'h', retryStrategy: 1 },
    /has no option "retryStrategy"; .*with redis\(\) of @sched\/redis/,
  ],
  ['postgres', 'redis://:secret@h', /^postgres is a redis:\/\/ URL/],
  ['postgres', { poolSize: 10 }, /^postgres needs `connectionString`, or `host` and `database`/],
  ['postgres', { database: 'd', tabelPrefix: 'x' }, /no option "tabelPrefix": did you mean "tablePrefix"\?/],
  ['postgres', { database: 'd', poolSize: 0 }, /^postgres\.poolSize: .*>=1/],
  ['redis', 'redis://h/app', /^redis: the database in the URL must be a number/],
  ['redis', { url: 'redis://h:99999' }, /^redis is no valid URL/],
  ['redis', { sentinels: [{ host: 'h' }] }, /^redis\.name is missing/],
  ['postgres', 'localhost', /^postgres is a text that is no URL/],
  ['mongo', undefined, /^mongo must be .*, not undefined$/],
  ['mongo', {}, /^mongo needs `url`/],
  ['mongo', { url: 'mongodb://h', changeStream: true }, /did you mean "changeStreams"\?/],
])('%s refuses %j', (name, config, message) => {
  expect(() => checkConfig(name, config)).toThrow(message)
  expect(() => checkConfig(name, config)).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }))
})

const OWN = ['prefix', 'poolSize']

test.each<[BackendName, unknown]>([
  ['redis', { host: 'h', retryStrategy: () => 1, commandTimeout: 5, path: '/tmp/s' }],
  ['redis', { path: '/tmp/redis.sock' }],
  ['redis', new Client()],
  ['postgres', { host: 'h', max: 3, statement_timeout: 5, application_name: 'shop', poolSize: 'x' }],
  ['mongo', { url: 'mongodb://h', readConcern: { level: 'majority' }, retryReads: false }],
])(
  'a factory of %s lets %j through: what is the driver’s, and its own values, which it checks itself',
  (name, source) => {
    expect(() => checkSource(name, source, {}, OWN)).not.toThrow()
  },
)

test.each<[BackendName, unknown, object, RegExp]>([
  ['redis', { host: 'h', usernaem: 'u' }, {}, /no option "usernaem": did you mean "username"\?/],
  ['redis', { host: 'h', db: 'one' }, {}, /^redis\.db: .*expected number/],
  ['redis', { prefix: 'a' }, {}, /^redis needs `url`/],
  ['redis', 'redis://h', { host: 'h' }, /there is no option "host"/],
  ['postgres', 'mysql://h/d', {}, /^postgres is a mysql:\/\/ URL/],
  ['postgres', undefined, {}, /^postgres must be .*, not undefined$/],
  ['mongo', { database: 'x' }, {}, /^mongo needs `url`/],
])('a factory of %s refuses %j with %j', (name, source, options, message) => {
  expect(() => checkSource(name, source, options, OWN)).toThrow(message)
})

test('no message carries what may be secret', () => {
  const secret = 'hunter2'
  const wrong: readonly [BackendName, unknown][] = [
    ['redis', `http://u:${secret}@h`],
    ['redis', { host: 'h', password: [secret] }],
    ['postgres', { connectionString: { [secret]: secret }, password: 5, user: [secret] }],
    ['mongo', { url: [`mongodb://u:${secret}@h`] }],
  ]
  for (const [name, config] of wrong) {
    expect(() => checkConfig(name, config)).toThrow(
      expect.objectContaining({ message: expect.not.stringContaining(secret) }),
    )
  }
})
