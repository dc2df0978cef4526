import { describeAdapters } from '@sched/adapter-testkit'
import { afterAll, test } from 'vitest'
import { redisTarget } from './redis-target.ts'
import { startCluster } from './test-cluster.ts'

const cluster = await startCluster()
afterAll(() => cluster.stop())

const target = redisTarget({ name: 'redis cluster', place: { cluster: cluster.nodes } })

describeAdapters(target, { test, only: ['lock/', 'broker/', 'job-store/'], level: 'must' })
