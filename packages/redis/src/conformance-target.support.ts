import type { Target } from '@sched/adapter-testkit'
import { serviceUrl } from '@sched/test-services'
import { redisTarget } from './redis-target.support.ts'

const { hostname, port } = new URL(serviceUrl('redis'))

const target: Target = redisTarget({
  name: 'redis',
  place: { host: hostname, port: Number(port || 6379) },
  module: import.meta.url,
})

export default target
