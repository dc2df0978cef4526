import type { Target } from '@sched/adapter-testkit'
import { serviceUrl } from '@sched/test-services'
import { mongoTarget } from './mongo-target.support.ts'

const target: Target = mongoTarget({ name: 'mongo', url: serviceUrl('mongo'), module: import.meta.url })

export default target
