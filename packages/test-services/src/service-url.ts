import { BACKENDS, type BackendName, wantedBackends } from './backends.ts'

/** False only where `SCHED_TEST_BACKENDS` leaves the backend out: `describe.skipIf(!isWanted('redis'))`. */
export function isWanted(name: BackendName): boolean {
  return wantedBackends().includes(name)
}

/**
 * The URL of the server that this test run shares. Others use it too: write under a name of your own, and never empty or stop it
 * (`startRedis` and its like give a test its own server). Throws when there is none.
 */
export function serviceUrl(name: BackendName): string {
  const { title, variable } = BACKENDS[name]
  const url = process.env[variable]
  if (url) return url
  throw new Error(
    isWanted(name)
      ? `${variable} is not set. \`npm test\` starts ${title} for packages that list @sched/test-services in package.json; list it, or set ${variable}`
      : `SCHED_TEST_BACKENDS leaves ${name} out, so this test must not run: guard it with describe.skipIf(!isWanted('${name}'))`,
  )
}
