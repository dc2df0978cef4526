import { serviceUrl } from '@sched/test-services'
import { redisTarget } from './redis-target.ts'

const { hostname, port } = new URL(serviceUrl('redis'))

export default redisTarget({
  name: 'redis',
  connection: { host: hostname, port: Number(port || 6379) },
  module: import.meta.url,
})
