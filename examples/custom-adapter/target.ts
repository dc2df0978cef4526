import { createHash } from 'node:crypto'
import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Target } from '@sched/adapter-testkit'
import { files } from './src/index.ts'

const root = join(tmpdir(), 'sched-custom-adapter')

/** A folder each: `destroy` can then take away exactly what a case made. Other processes of the run find it by the same name. */
function folderOf(namespace: string): string {
  return join(root, createHash('sha256').update(namespace).digest('hex').slice(0, 32))
}

const target: Target = {
  name: 'files',
  open: (namespace, { resetOnInit = false } = {}) => {
    const { storage, broker, lock, close } = files({
      path: folderOf(namespace),
      prefix: namespace,
      resetOnInit,
    })
    return { storage, broker, lock, close: async () => close?.() }
  },
  destroy: (namespace) => rm(folderOf(namespace), { recursive: true, force: true }),
  // every step waits for a lock file and for the disk
  timing: { shortestTtlMs: 1_000, signalMs: 15_000 },
  waive: {
    'perf/claim-growth':
      'every claim reads and writes the whole file of its queue: made for hundreds of ids, not for 100,000',
    'perf/job-claim-growth': 'the same',
  },
}

export default target
