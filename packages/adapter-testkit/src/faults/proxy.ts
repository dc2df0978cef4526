/**
 * A TCP proxy between an adapter and its server that does to the connection what networks do, from a seed.
 *
 * Latency and throttling keep the order of bytes; everything else breaks connections the way a named fault says.
 */
import { once } from 'node:events'
import { createServer, connect as dial, type Server, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { Random } from '../random.ts'

/**
 * `pass`: nothing. `latency`: 5–50 ms each way. `byte-by-byte`: every byte in a packet of its own, slowly at first. `throttle`: 64 KiB a
 * second. `black-hole`: bytes are taken and go nowhere. `drop-reply`: requests reach the server, the next reply is swallowed and the
 * connection closed: what was asked has happened, and nobody knows. `reset`: every connection is reset at its next byte. `half-close`:
 * the server's side ends after the next reply. `refuse`: open connections end, new ones are closed at once.
 */
export type ProxyFault =
  | 'pass'
  | 'latency'
  | 'byte-by-byte'
  | 'throttle'
  | 'black-hole'
  | 'drop-reply'
  | 'reset'
  | 'half-close'
  | 'refuse'

export interface ProxyOptions {
  /** `host:port` of the server. */
  readonly upstream: string
  readonly seed?: number
}

export interface FaultProxy {
  /** `host:port` to connect to. */
  readonly endpoint: string
  /** How many connections were made through it so far. */
  readonly connections: number
  /** From now on, for open connections too. */
  set(fault: ProxyFault): void
  /** Resolves when the fault that was set has hit at least one connection. */
  hit(): Promise<void>
  close(): Promise<void>
}

/** Starts a proxy on a free port of 127.0.0.1. Throws when `upstream` is no host:port. */
export async function startProxy(options: ProxyOptions): Promise<FaultProxy> {
  const proxy = new TcpProxy(options)
  await proxy.listen()
  return proxy
}

class TcpProxy implements FaultProxy {
  readonly #host: string
  readonly #port: number
  readonly #random: Random
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  #fault: ProxyFault = 'pass'
  #hit: PromiseWithResolvers<void> = withResolvers()
  connections = 0

  constructor({ upstream, seed = 1 }: ProxyOptions) {
    const [, host, port] = /^(.+):(\d+)$/.exec(upstream.replace(/^\w+:\/\//, '').replace(/\/.*$/, '')) ?? []
    if (!host || !port) throw new TypeError(`upstream must be host:port, not ${JSON.stringify(upstream)}`)
    this.#host = host.replace(/^\[|\]$/g, '')
    this.#port = Number(port)
    this.#random = new Random(seed)
    this.#server = createServer((client) => this.#accept(client))
  }

  async listen(): Promise<void> {
    this.#server.listen(0, '127.0.0.1')
    await once(this.#server, 'listening')
  }

  get endpoint(): string {
    const address = this.#server.address()
    if (typeof address !== 'object' || address === null) throw new Error('the proxy is closed')
    return `127.0.0.1:${address.port}`
  }

  set(fault: ProxyFault): void {
    this.#fault = fault
    this.#hit = withResolvers()
    if (fault === 'refuse') this.#endAll()
  }

  hit(): Promise<void> {
    return this.#hit.promise
  }

  async close(): Promise<void> {
    this.#fault = 'refuse'
    this.#endAll()
    if (!this.#server.listening) return
    const closed = once(this.#server, 'close')
    this.#server.close()
    await closed
  }

  #accept(client: Socket): void {
    this.connections++
    if (this.#fault === 'refuse') {
      client.destroy()
      this.#hit.resolve()
      return
    }
    const server = dial(this.#port, this.#host)
    for (const [one, other] of [
      [client, server],
      [server, client],
    ] as const) {
      this.#sockets.add(one)
      one.setNoDelay(true)
      one.on('close', () => {
        this.#sockets.delete(one)
        other.end()
      })
      // a broken connection is what this proxy is for; the other side learns of it by the close
      one.on('error', () => other.destroy())
    }
    this.#carry(client, server, 'request')
    this.#carry(server, client, 'reply')
  }

  /** Chunks go one after the other, so that a delay never lets a later one overtake. */
  #carry(from: Socket, to: Socket, kind: 'request' | 'reply'): void {
    let line = Promise.resolve()
    from.on('data', (chunk) => {
      from.pause()
      line = line.then(() => this.#chunk(chunk, from, to, kind)).finally(() => from.resume())
    })
    from.on('end', () => {
      line = line.then(() => {
        to.end()
      })
    })
  }

  async #chunk(chunk: Buffer, from: Socket, to: Socket, kind: 'request' | 'reply'): Promise<void> {
    const fault = this.#fault
    if (fault !== 'pass' && (kind === 'reply' || fault !== 'drop-reply')) this.#hit.resolve()
    switch (fault) {
      case 'black-hole':
        return
      case 'refuse':
      case 'reset':
        from.resetAndDestroy()
        to.resetAndDestroy()
        return
      case 'drop-reply':
        if (kind === 'request') break
        from.destroy()
        to.destroy()
        return
      case 'latency':
        await sleep(this.#random.int(5, 50))
        break
      case 'throttle':
        await sleep((chunk.length / 65_536) * 1_000)
        break
      case 'byte-by-byte':
        for (let at = 0; at < chunk.length && !to.destroyed; at++) {
          to.write(chunk.subarray(at, at + 1))
          if (at < 32) await sleep(1)
        }
        return
      case 'half-close':
        if (kind === 'request') break
        to.end(chunk)
        return
    }
    if (!to.destroyed) to.write(chunk)
  }

  #endAll(): void {
    for (const socket of this.#sockets) socket.destroy()
  }
}

interface PromiseWithResolvers<T> {
  readonly promise: Promise<T>
  readonly resolve: (value: T) => void
}

function withResolvers(): PromiseWithResolvers<void> {
  let resolve: (value: void) => void = () => undefined
  const promise = new Promise<void>((done) => {
    resolve = done
  })
  return { promise, resolve }
}
