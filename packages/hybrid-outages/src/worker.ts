// One worker process. It tells its parent that it is ready and of every run, and ends with its parent.
import { setTimeout as sleep } from 'node:timers/promises'
import { type ClusterPlan, openCluster } from './cluster.ts'
import { openRunLog } from './run-log.ts'

const plan: ClusterPlan = JSON.parse(process.argv[2] ?? '')
const write = openRunLog(plan.folder)
let runs = 0

const scheduler = openCluster(plan, async (id, fence) => {
  write(id, fence)
  if (runs++ === 0) setImmediate(tell)
  await sleep(plan.handlerMs)
})

function tell(): void {
  process.send?.({ runs })
  runs = 0
}

const orphaned = (): void => process.exit(1)
process.once('disconnect', orphaned)
process.once('SIGTERM', async () => {
  await scheduler.stop()
  // what is left open would keep the process alive
  process.off('disconnect', orphaned)
  process.disconnect()
})
await scheduler.start()
process.send?.({ ready: true })
