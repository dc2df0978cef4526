import { describeAdapters, hybridTarget } from '@sched/adapter-testkit'
import { test } from 'vitest'
import { mongoTarget, redisTarget } from './targets.support.ts'

describeAdapters(hybridTarget(mongoTarget(), redisTarget()), { test, only: ['hybrid'] })
