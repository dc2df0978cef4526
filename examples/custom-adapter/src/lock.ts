import { checkName, type ILockAdapter, InvalidArgumentError, type Traits } from '@sched/core/adapter'
import { Folder, type FolderOptions } from './folder.ts'

/** Stays when the lock is released: the token must go on growing. */
interface Held {
  owner: string | null
  until: number
  token: number
}

const free = (): Held => ({ owner: null, until: 0, token: 0 })

/** Locks on files: one a key. */
export class FileLock implements ILockAdapter {
  readonly traits: Partial<Traits> = { clock: 'process', durability: 'server' }
  readonly #folder: Folder

  constructor(options: FolderOptions) {
    this.#folder = new Folder('lock', options)
  }

  ready(): Promise<void> {
    return this.#folder.ready()
  }

  async ping(): Promise<void> {
    await this.#folder.look('ping', free)
  }

  close(): Promise<void> {
    return this.#folder.close()
  }

  async acquire(key: string, ownerId: string, ttlMs: number): Promise<boolean> {
    return (await this.acquireLease(key, ownerId, ttlMs)) !== null
  }

  async acquireLease(key: string, ownerId: string, ttlMs: number): Promise<{ token: number } | null> {
    check(key, ownerId)
    checkTtl(ttlMs)
    return this.#folder.change(key, free, (held) => {
      const live = held.until > Date.now()
      if (live && held.owner !== ownerId) return null
      if (!live) held.token = Math.max(held.token + 1, Date.now() * 1000)
      held.owner = ownerId
      held.until = Date.now() + ttlMs
      return { token: held.token }
    })
  }

  async renew(key: string, ownerId: string, ttlMs: number): Promise<boolean> {
    check(key, ownerId)
    checkTtl(ttlMs)
    return this.#folder.change(key, free, (held) => {
      if (held.owner !== ownerId || held.until <= Date.now()) return false
      held.until = Date.now() + ttlMs
      return true
    })
  }

  async release(key: string, ownerId: string): Promise<void> {
    check(key, ownerId)
    await this.#folder.change(key, free, (held) => {
      if (held.owner !== ownerId) return
      held.owner = null
      held.until = 0
    })
  }

  async isOwner(key: string, ownerId: string): Promise<boolean> {
    check(key, ownerId)
    const held = await this.#folder.look(key, free)
    return held.owner === ownerId && held.until > Date.now()
  }
}

function check(key: string, ownerId: string): void {
  checkName(key, 'key')
  checkName(ownerId, 'ownerId')
}

function checkTtl(ttlMs: number): void {
  if (!(Number.isSafeInteger(ttlMs) && ttlMs > 0))
    throw new InvalidArgumentError(`ttlMs must be a whole number of milliseconds above 0, not ${ttlMs}`)
}
