import { describeAdapters } from '@sched/adapter-testkit'
import { test } from 'vitest'
import target from './conformance-target.support.ts'

// most of them wait: for a journal, or for a lease to end
describeAdapters(target, { test, concurrency: 16 })
