import { describeAdapters } from '@sched/adapter-testkit'
import { startMongo } from '@sched/test-services'
import { afterAll, test } from 'vitest'

const server = await startMongo({ replicaSet: false })
process.env.SCHED_MONGO_STANDALONE = server.url
const { default: target } = await import('./standalone-target.support.ts')

// how claims grow is the same on both kinds of server, and conformance.test.ts measures it
describeAdapters(target, { test, concurrency: 16, skip: ['perf/claim-growth', 'perf/job-claim-growth'] })

afterAll(() => server.stop())
