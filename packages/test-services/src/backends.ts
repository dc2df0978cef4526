/** The servers the tests run against. */
export type BackendName = 'redis' | 'postgres' | 'mongo'

/** What is said about a backend outside its own module. */
export interface Backend {
  readonly title: string
  /** The environment variable that names a server to use, and that tests find the URL in. */
  readonly variable: 'REDIS_URL' | 'POSTGRES_URL' | 'MONGODB_URL'
  /** The oldest version that the adapter supports. */
  readonly oldest: string
}

export const BACKENDS: Readonly<Record<BackendName, Backend>> = {
  redis: { title: 'Redis', variable: 'REDIS_URL', oldest: '6.2' },
  postgres: { title: 'PostgreSQL', variable: 'POSTGRES_URL', oldest: '13' },
  mongo: { title: 'MongoDB', variable: 'MONGODB_URL', oldest: '6.0' },
}

const NAMES = Object.keys(BACKENDS) as BackendName[]

/**
 * The backends named by `SCHED_TEST_BACKENDS` (comma-separated; `none` for no server at all); all of them when it is not set.
 * A name that is not a backend throws, so that a typing error cannot leave one out.
 */
export function wantedBackends(setting: string | undefined = process.env.SCHED_TEST_BACKENDS): BackendName[] {
  if (!setting) return [...NAMES]
  if (setting.trim() === 'none') return []
  const wanted = setting.split(',').map((name) => name.trim())
  const unknown = wanted.find((name) => !NAMES.includes(name as BackendName))
  if (unknown !== undefined) {
    throw new Error(
      `SCHED_TEST_BACKENDS names "${unknown}"; known are ${NAMES.join(', ')}, comma-separated, or none`,
    )
  }
  return NAMES.filter((name) => wanted.includes(name))
}

/** Throws when `version` is older than what the adapter supports. */
export function checkVersion(name: BackendName, version: string, where: string): void {
  const { title, oldest } = BACKENDS[name]
  if (version.localeCompare(oldest, 'en', { numeric: true }) < 0) {
    throw new Error(`${title} ${version} (${where}) is too old for the tests; they need ${oldest} or later`)
  }
}
