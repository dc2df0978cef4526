/** Real servers for tests: the ones a test run shares (`serviceUrl`) and ones that a test has for itself (`startRedis` and its like). */
export { type BackendName, wantedBackends } from './backends.ts'
export type { MongoOptions } from './mongo.ts'
export { startMongo, startPostgres, startRedis } from './own-server.ts'
export type { PostgresOptions } from './postgres.ts'
export type { RedisOptions } from './redis.ts'
export { type RunningServices, resolveServices, type Service } from './resolve.ts'
export type { Server } from './server.ts'
export { isWanted, serviceUrl } from './service-url.ts'
