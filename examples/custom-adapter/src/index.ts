import type { Adapters } from '@sched/core/adapter'
import { FileBroker } from './broker.ts'
import type { FolderOptions } from './folder.ts'
import { FileLock } from './lock.ts'
import { FileStorage } from './storage.ts'

export { FileBroker } from './broker.ts'
export { FileLock } from './lock.ts'
export { FileStorage } from './storage.ts'

/** Storage, broker and lock on the files of one folder: for several processes on one machine. */
export function files(options: { path: string; prefix?: string; resetOnInit?: boolean }): Adapters {
  const folder: FolderOptions = { prefix: 'sched', resetOnInit: false, ...options }
  const [storage, broker, lock] = [new FileStorage(folder), new FileBroker(folder), new FileLock(folder)]
  return {
    storage,
    broker,
    lock,
    close: async () => {
      await Promise.all([storage.close(), broker.close(), lock.close()])
    },
  }
}
