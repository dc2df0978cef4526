import { type Clock, checkName, InvalidArgumentError } from '@sched/core/adapter'
import { checkCount } from './arguments.ts'
import { MemoryServer, type MemoryServerOptions } from './server.ts'

/** Options of `memory`, `createMemoryStorage`, `createMemoryBroker` and `createMemoryLock`. */
export interface MemoryOptions {
  /**
   * Where the data lives. Adapters on the same server and prefix see the same data, as if they were processes beside one database.
   * Default: a server of one's own.
   */
  readonly server?: MemoryServer
  /** The clock of that server of one's own; default: the system's. */
  readonly clock?: Clock
  /**
   * Most ids of pruned jobs that a scope remembers, about 120 bytes each; beyond it those whose time would be over soonest are
   * forgotten early. Default 1,000,000. Like `clock`, only for a server of one's own.
   */
  readonly maxRememberedIds?: number
  /** Isolation: adapters with different prefixes on one server never meet. Default `sched`. */
  readonly prefix?: string
  /** Clears what is under the prefix, once, at `ready()`. Default false. */
  readonly resetOnInit?: boolean
}

export interface CheckedOptions {
  readonly server: MemoryServer
  readonly prefix: string
  readonly resetOnInit: boolean
}

const DEFAULT_PREFIX = 'sched'

const KNOWN = ['server', 'clock', 'maxRememberedIds', 'prefix', 'resetOnInit']

/** Throws INVALID_ARGUMENT naming the option and what it accepts. */
export function checkOptions(options: MemoryOptions): CheckedOptions {
  if (typeof options !== 'object' || options === null) {
    throw new InvalidArgumentError('the options of a memory adapter must be an object')
  }
  const unknown = Object.keys(options).find((name) => !KNOWN.includes(name))
  if (unknown !== undefined) {
    throw new InvalidArgumentError(`unknown option ${unknown}: memory adapters take ${KNOWN.join(', ')}`)
  }
  const { prefix = DEFAULT_PREFIX, resetOnInit = false } = options
  checkName(prefix, 'prefix')
  if (typeof resetOnInit !== 'boolean') throw new InvalidArgumentError('resetOnInit must be true or false')
  return { server: serverOf(options), prefix, resetOnInit }
}

function serverOf({ server, clock, maxRememberedIds }: MemoryOptions): MemoryServer {
  if (server === undefined) {
    if (clock !== undefined) checkClock(clock)
    if (maxRememberedIds !== undefined) checkCount(maxRememberedIds, 'maxRememberedIds')
    const own: MemoryServerOptions = {
      ...(clock === undefined ? {} : { clock }),
      ...(maxRememberedIds === undefined ? {} : { maxRememberedIds }),
    }
    return new MemoryServer(own)
  }
  if (!(server instanceof MemoryServer)) throw new InvalidArgumentError('server must be a MemoryServer')
  if (clock !== undefined || maxRememberedIds !== undefined) {
    throw new InvalidArgumentError(
      'clock and maxRememberedIds belong to the server: give them to new MemoryServer()',
    )
  }
  return server
}

function checkClock(clock: Clock): void {
  const missing = (['now', 'monotonic', 'after'] as const).filter((name) => typeof clock[name] !== 'function')
  if (missing.length > 0) throw new InvalidArgumentError(`clock lacks the methods ${missing.join(', ')}`)
}
