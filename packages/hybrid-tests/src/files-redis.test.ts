// A storage of a third party's, written against the contracts alone, beside one of ours.
import { describeAdapters, hybridTarget } from '@sched/adapter-testkit'
import { test } from 'vitest'
import files from '../../../examples/custom-adapter/target.ts'
import { redisTarget } from './targets.support.ts'

describeAdapters(hybridTarget(files, redisTarget()), { test, only: ['hybrid'] })
