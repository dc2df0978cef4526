import { test } from 'node:test'
import { describeAdapters } from '@sched/adapter-testkit'
import target from './target.ts'

describeAdapters(target, { test })
