/** What an adapter has: its optional methods, its traits, and what the target offers the kit. */
import { BROKER_REQUIRED, LOCK_REQUIRED, STORAGE_REQUIRED, type Traits } from '@sched/core/adapter'
import type { Need } from './case.ts'
import type { OpenedAdapters, Target } from './target.ts'

export type Adapters = Omit<OpenedAdapters, 'close'>

/** Undefined when it is there, else why not. */
export function missing(need: Need, target: Target, adapters: Adapters): string | undefined {
  switch (need) {
    case 'storage':
    case 'broker':
    case 'lock':
      return adapters[need] ? undefined : `the target has no ${need}`
    case 'jobStore':
      return adapters.jobStore ? undefined : 'there is no job store'
    case 'scheduleStore':
      return adapters.scheduleStore ? undefined : 'there is no schedule store'
    case 'receipts':
      return traitsOf(adapters, 'broker').receipts === true
        ? undefined
        : 'the broker does not declare the trait receipts: true'
    case 'server-clock':
      return clockIsServers(adapters) ? undefined : 'the adapter does not declare the trait clock: "server"'
    case 'shared':
      return isShared(adapters)
        ? undefined
        : 'the adapter lives inside one process (trait durability: "process")'
    case 'skew':
      return undefined
    case 'proxy':
      return target.upstream ? undefined : 'the target names no `upstream` for the proxy to connect to'
    case 'processes':
      if (!isShared(adapters)) return 'the adapter lives inside one process (trait durability: "process")'
      return target.module ? undefined : 'the target names no `module` for other processes to open'
  }
  const [kind, name] = need.split('.') as [string, string]
  if (kind === 'hook') {
    const hooks = target.hooks as Record<string, unknown> | undefined
    return hooks?.[name] ? undefined : `the target has no hook ${name}`
  }
  if (kind === 'strategy') {
    const strategies: readonly string[] = traitsOf(adapters, 'broker').strategies ?? ['priority']
    return strategies.includes(name) ? undefined : `the broker does not list the strategy ${name}`
  }
  const part = adapters[kind as 'storage' | 'broker' | 'lock'] as Record<string, unknown> | undefined
  if (!part) return `the target has no ${kind}`
  return typeof part[name] === 'function' ? undefined : `the ${kind} has no ${name}`
}

export function traitsOf(adapters: Adapters, part: 'storage' | 'broker' | 'lock'): Partial<Traits> {
  return adapters[part]?.traits ?? {}
}

function present(adapters: Adapters): Partial<Traits>[] {
  return [adapters.storage, adapters.broker, adapters.lock]
    .filter((part) => part !== undefined)
    .map((part) => part.traits ?? {})
}

function clockIsServers(adapters: Adapters): boolean {
  const parts = present(adapters)
  return parts.length > 0 && parts.every((traits) => traits.clock === 'server')
}

/** Durability that is not declared counts as the weakest. */
function isShared(adapters: Adapters): boolean {
  const parts = present(adapters)
  return parts.length > 0 && parts.every((traits) => (traits.durability ?? 'process') !== 'process')
}

/** The required methods that are not there, as `storage.save`. */
export function missingMethods(adapters: Adapters): string[] {
  const required = { storage: STORAGE_REQUIRED, broker: BROKER_REQUIRED, lock: LOCK_REQUIRED }
  return (Object.keys(required) as (keyof typeof required)[]).flatMap((part) => {
    const adapter = adapters[part] as Record<string, unknown> | undefined
    if (adapter === undefined || adapter === null) return []
    return required[part]
      .filter((name) => typeof adapter[name] !== 'function')
      .map((name) => `${part}.${name}`)
  })
}
