import { describeAdapters } from '@sched/adapter-testkit'
import { test } from 'vitest'
import target from './conformance-target.support.ts'

describeAdapters(target, { test })
