/** Servers in containers, for machines that have a container engine instead of the server programs. */
import type { StartedTestContainer } from 'testcontainers'
import { untilAnswers } from './answering.ts'
import type { BackendName } from './backends.ts'
import { freePort } from './free-port.ts'
import { type MongoOptions, mongoArguments, mongoUrl, settleMongo } from './mongo.ts'
import { type PostgresOptions, postgresArguments, postgresUrl, probePostgres } from './postgres.ts'
import { probeRedis, type RedisOptions, redisArguments, redisUrl } from './redis.ts'
import type { Server } from './server.ts'

interface Image {
  readonly image: string
  readonly environment?: Record<string, string>
  readonly command: string[]
  readonly url: string
  probe(): Promise<string>
}

/** True when a container engine answers; the command-line client alone proves nothing. */
export async function engineAnswers(): Promise<boolean> {
  try {
    const { getContainerRuntimeClient } = await import('testcontainers')
    await getContainerRuntimeClient()
    return true
  } catch {
    return false
  }
}

export async function startContainer(
  name: BackendName,
  options: RedisOptions & PostgresOptions & MongoOptions = {},
): Promise<Server> {
  const { GenericContainer } = await import('testcontainers')
  // The same number inside and outside, since a replica set's member is known by one address.
  const port = options.port ?? (await freePort())
  const { image, environment = {}, command, url, probe } = imageOf(name, port, options)
  const container = await new GenericContainer(image)
    .withEnvironment(environment)
    .withCommand(command)
    .withExposedPorts({ container: port, host: port })
    .start()
  const version = await untilAnswers(port, () => true, probe)
  return new ContainerServer(container, { port, url, version, probe })
}

function imageOf(
  name: BackendName,
  port: number,
  options: RedisOptions & PostgresOptions & MongoOptions,
): Image {
  switch (name) {
    case 'redis': {
      const url = redisUrl(port, options)
      const command = ['redis-server', ...redisArguments(port, options)]
      return { image: 'redis:7-alpine', command, url, probe: () => probeRedis(url) }
    }
    case 'postgres': {
      const url = postgresUrl(port)
      const command = ['postgres', ...postgresArguments(port, options)]
      const environment = { POSTGRES_HOST_AUTH_METHOD: 'trust', PGPORT: String(port) }
      return { image: 'postgres:17-alpine', environment, command, url, probe: () => probePostgres(url) }
    }
    case 'mongo': {
      const command = ['mongod', '--bind_ip_all', ...mongoArguments(port, options)]
      const probe = () => settleMongo(port, options)
      return { image: 'mongo:7', command, url: mongoUrl(port, options), probe }
    }
  }
}

class ContainerServer implements Server {
  readonly pid: undefined = undefined
  readonly directory: undefined = undefined
  readonly url: string
  readonly port: number
  readonly version: string
  readonly #container: StartedTestContainer
  readonly #probe: () => Promise<string>

  constructor(
    container: StartedTestContainer,
    { url, port, version, probe }: Pick<Server, 'url' | 'port' | 'version'> & Pick<Image, 'probe'>,
  ) {
    this.#container = container
    this.#probe = probe
    this.url = url
    this.port = port
    this.version = version
  }

  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    const container = await this.#handle()
    await container.kill({ signal })
    if (signal !== 'SIGSTOP' && signal !== 'SIGCONT') await container.wait()
  }

  async start(): Promise<void> {
    const container = await this.#handle()
    await container.start()
    await untilAnswers(this.port, () => true, this.#probe)
  }

  async restart(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    await this.kill(signal)
    await this.start()
  }

  async stop(): Promise<void> {
    await this.#container.stop()
  }

  async #handle() {
    const { getContainerRuntimeClient } = await import('testcontainers')
    return (await getContainerRuntimeClient()).container.getById(this.#container.getId())
  }
}
