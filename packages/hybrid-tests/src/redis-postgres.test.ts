import { describeAdapters, hybridTarget } from '@sched/adapter-testkit'
import { test } from 'vitest'
import { postgresTarget, redisTarget } from './targets.support.ts'

describeAdapters(hybridTarget(redisTarget(), postgresTarget()), { test, only: ['hybrid'] })
