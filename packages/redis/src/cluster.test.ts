import { describeAdapters } from '@sched/adapter-testkit'
import { afterAll, test } from 'vitest'
import { startCluster } from './cluster.support.ts'
import { redisTarget } from './redis-target.support.ts'

const cluster = await startCluster()
afterAll(() => cluster.stop())

const target = redisTarget({ name: 'redis cluster', place: { cluster: cluster.nodes } })

describeAdapters(target, { test, only: ['lock/', 'broker/', 'job-store/'], level: 'must' })
