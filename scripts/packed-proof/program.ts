// What a user writes after installing core and one adapter package: compiled and run by ../packed-proof.mjs. `PROOF` says which backend.
import {
  createAdapters,
  createBrokerAdapter,
  createLockAdapter,
  createStorageAdapter,
  defineJob,
  JobScheduler,
  type Mode,
  SchedError,
  type SchedulerAdapters,
} from '@sched/core'
import { z } from 'zod'

interface Proof {
  readonly backend: 'memory' | 'redis' | 'postgres' | 'mongo'
  readonly url: string
  readonly prefix: string
  /** How a missing package is to be installed, without its name. */
  readonly install: string
}

const { backend, url, prefix, install } = JSON.parse(process.env.PROOF ?? '') as Proof
const configs = {
  memory: { prefix },
  redis: { url, prefix },
  postgres: { connectionString: url, schema: 'sched_packed', tablePrefix: 'packed_', prefix, poolSize: 3 },
  mongo: { url, prefix },
}

const sendEmail = defineJob({
  type: 'send-email',
  schema: z.object({ to: z.email() }),
  handle: ({ to }) => `sent to ${to}`,
})

async function runsJobs(given: SchedulerAdapters, project: string): Promise<void> {
  const scheduler = new JobScheduler({ ...given, project, jobs: [sendEmail] })
  const done = new Promise<unknown>((resolve) => {
    scheduler.once('completed', ({ result }) => resolve(result))
  })
  await scheduler.start()
  await scheduler.enqueue('send-email', { to: 'ada@example.com' })
  // @ts-expect-error the payload's type comes through the packed declarations
  const refused = scheduler.enqueue('send-email', { to: 1 })
  await refused.catch((error: unknown) => expectCode(error, 'PAYLOAD_INVALID'))
  equal(await done, 'sent to ada@example.com')
  await scheduler.stop()
}

function equal(actual: unknown, expected: unknown): void {
  if (actual !== expected) throw new Error(`expected ${String(expected)}, not ${String(actual)}`)
}

function expectCode(error: unknown, code: string): SchedError {
  if (!(error instanceof SchedError))
    throw new Error(`expected ${code}, not ${String(error)}`, { cause: error })
  equal(error.code, code)
  return error
}

async function byMode(): Promise<void> {
  const options = {
    memory: { mode: 'default', memory: configs.memory },
    redis: { mode: 'redis', redis: configs.redis },
    postgres: { mode: 'db', postgres: configs.postgres },
    mongo: { mode: 'mongo', mongo: configs.mongo },
  } as const
  const { store, reason, text } = await new JobScheduler(options[backend]).describe()
  console.log(text)
  equal(store, 'fused')
  equal(reason, 'storage and broker share one backend')
  await runsJobs(options[backend], 'by-mode')

  const adapters = await createAdapters(options[backend])
  await runsJobs({ mode: 'custom', adapters }, 'by-create-adapters')
  await adapters.close()
}

async function byType(): Promise<void> {
  const options = { type: backend, ...configs }
  const storage = await createStorageAdapter(options)
  const broker = await createBrokerAdapter(options)
  const lock = await createLockAdapter(options)
  await runsJobs({ adapters: { storage, broker, lock } }, 'by-type')
}

/** Every other package is missing, and said to be. */
async function missing(): Promise<void> {
  const modes = { memory: 'default', redis: 'redis', postgres: 'db', mongo: 'mongo' } as const
  for (const other of ['memory', 'redis', 'postgres', 'mongo'] as const) {
    if (other === backend) continue
    const mode: Exclude<Mode, 'hybrid' | 'custom'> = modes[other]
    const all = {
      redis: 'redis://127.0.0.1:1',
      postgres: 'postgres://127.0.0.1:1/x',
      mongo: 'mongodb://127.0.0.1:1',
    }
    const attempts = [
      () => createAdapters({ mode, ...all }),
      () => createStorageAdapter({ type: other, ...all }),
      () => new JobScheduler({ mode, ...all }).start(),
    ]
    for (const attempt of attempts) {
      const error = await attempt().then(
        () => undefined,
        (reason: unknown) => reason,
      )
      const { message } = expectCode(error, 'ADAPTER_NOT_INSTALLED')
      if (!message.includes(`\`${install} @sched/${other}\``))
        throw new Error(`does not say what to type: ${message}`)
    }
  }
}

await byMode()
await byType()
await missing()
console.log('ok')
