import { test } from 'node:test'
import { describeAdapters } from './describe.ts'
import { modelTarget } from './model/target.ts'

describeAdapters(modelTarget(), { test, only: ['lock/', 'life/ping-down'] })
