import type { Target } from '@sched/adapter-testkit'
import { mongoTarget } from './mongo-target.support.ts'

/** Where the server of this run is: child processes of the kit load this file too. */
const url = process.env.SCHED_MONGO_STANDALONE
if (url === undefined)
  throw new Error('standalone-conformance.test.ts starts the server and sets SCHED_MONGO_STANDALONE')

const target: Target = mongoTarget({ name: 'mongo standalone', url, module: import.meta.url })

export default target
