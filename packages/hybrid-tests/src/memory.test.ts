import { describeAdapters, hybridTarget } from '@sched/adapter-testkit'
import { test } from 'vitest'
import { memoryTarget } from './targets.support.ts'

describeAdapters(hybridTarget(memoryTarget(), memoryTarget()), { test, only: ['hybrid'] })
