/** A relay to a server that can lose the answers of named commands, after the server has done the work. */
import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'

export interface LossyProxy {
  /** `host:port` to connect to. */
  readonly endpoint: string
  /** The answers of the next `times` of these commands get lost, and their connections with them. */
  lose(commands: readonly string[], times: number): void
  /** Ends every connection. */
  cut(): void
  close(): Promise<void>
}

export async function startLossyProxy(port: number): Promise<LossyProxy> {
  const sockets = new Set<Socket>()
  let wanted: readonly Buffer[] = []
  let left = 0

  const server = createServer((client) => {
    const upstream = connect(port, '127.0.0.1')
    let lost = false
    for (const [one, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(one)
      one.setNoDelay(true)
      one.on('error', () => undefined)
      one.on('close', () => {
        sockets.delete(one)
        other.destroy()
      })
    }
    client.on('data', (chunk) => {
      if (left > 0 && wanted.some((name) => chunk.includes(name))) {
        left--
        lost = true
      }
      upstream.write(chunk)
    })
    upstream.on('data', (chunk) => {
      if (lost) client.destroy()
      else client.write(chunk)
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address() as { port: number }
  const cut = (): void => {
    for (const socket of sockets) socket.destroy()
  }
  return {
    endpoint: `127.0.0.1:${address.port}`,
    lose(commands, times) {
      // a command's name is its first field, of the type text
      wanted = commands.map((name) => Buffer.from(`\u0002${name}\0`))
      left = times
    },
    cut,
    async close() {
      server.close()
      cut()
      await once(server, 'close')
    },
  }
}
