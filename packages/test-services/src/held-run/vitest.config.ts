// A test run that never ends by itself: survives.test.ts starts it and kills it.
import { defaultServerConditions } from 'vite'
import type { ViteUserConfig } from 'vitest/config'

const config: ViteUserConfig = {
  resolve: { conditions: ['@sched/source', ...defaultServerConditions] },
  test: {
    root: import.meta.dirname,
    include: ['held.ts'],
    globalSetup: '../global-setup.ts',
    setupFiles: ['../end-with-runner.ts'],
    testTimeout: 0,
    pool: 'forks',
  },
}

export default config
