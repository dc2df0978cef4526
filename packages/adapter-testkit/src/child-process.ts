/** Nodes of a target in processes of their own, which a case can kill. */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { Adapters } from './capabilities.ts'
import type { ChildReply, ChildRequest, ChildSetup } from './child.ts'

export interface ChildNode {
  readonly adapters: Adapters
  /** Ends it as an operator would: the node closes first. */
  close(): Promise<void>
  /** SIGKILL; resolves when it is gone. Calls under way reject. */
  kill(): Promise<void>
}

/** Opens a node in another process. `like`: adapters of this process, which say what methods are there. */
export async function openChild(setup: ChildSetup, like: Adapters): Promise<ChildNode> {
  const child = start(setup)
  const calls = new Calls(child)
  await calls.ready
  const remote = (part: 'storage' | 'broker' | 'lock'): unknown =>
    like[part] && remotePart(calls, part, like[part] as object)
  return {
    adapters: { storage: remote('storage'), broker: remote('broker'), lock: remote('lock') } as Adapters,
    async close() {
      if (!alive(child)) return
      child.send({ close: true } satisfies ChildRequest)
      await once(child, 'exit')
    },
    async kill() {
      if (!alive(child)) return
      const gone = once(child, 'exit')
      child.kill('SIGKILL')
      await gone
    },
  }
}

function alive(child: ChildProcess): boolean {
  return child.exitCode === null && child.signalCode === null
}

/** The build holds child.js. From the sources, in this repository alone, Node needs loaders for TypeScript, SQL and Lua. */
function start(setup: ChildSetup): ChildProcess {
  const built = fileURLToPath(new URL('./child.js', import.meta.url))
  const fromSource = !existsSync(built)
  const loaders = (): string[] => [
    '--conditions=@sched/source',
    ...['--import', import.meta.resolve('tsx')],
    ...['--import', new URL('../../../scripts/text-modules-register.mjs', import.meta.url).href],
  ]
  return fork(
    fromSource ? fileURLToPath(new URL('./child.ts', import.meta.url)) : built,
    [JSON.stringify(setup)],
    {
      serialization: 'advanced',
      execArgv: fromSource ? loaders() : [],
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    },
  )
}

class Calls {
  readonly ready: Promise<void>
  readonly #child: ChildProcess
  readonly #waiting = new Map<number, { resolve: (value: unknown) => void; reject: (error: Error) => void }>()
  #next = 0
  #stderr = ''

  constructor(child: ChildProcess) {
    this.#child = child
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr = (this.#stderr + text).slice(-4_000)
    })
    this.ready = new Promise((resolve, reject) => {
      child.on('message', (reply: ChildReply) => ('ready' in reply ? resolve() : this.#settle(reply)))
      child.on('exit', (code, signal) => {
        const error = new Error(
          `the other process ended (${signal ?? `exit code ${code}`})\n${this.#stderr}`.trim(),
        )
        reject(error)
        for (const { reject: fail } of this.#waiting.values()) fail(error)
        this.#waiting.clear()
      })
    })
  }

  send(part: 'storage' | 'broker' | 'lock', method: string, args: readonly unknown[]): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const call = this.#next++
      this.#waiting.set(call, { resolve, reject })
      this.#child.send({ call, part, method, args } satisfies ChildRequest, (error) => error && reject(error))
    })
  }

  #settle(reply: Exclude<ChildReply, { ready: true }>): void {
    const waiting = this.#waiting.get(reply.call)
    this.#waiting.delete(reply.call)
    if ('error' in reply) waiting?.reject(Object.assign(new Error(reply.error.message), reply.error))
    else waiting?.resolve(reply.value)
  }
}

function remotePart(calls: Calls, part: 'storage' | 'broker' | 'lock', like: object): object {
  return new Proxy(like, {
    get(local, key) {
      const value: unknown = Reflect.get(local, key, local)
      if (typeof value !== 'function' || typeof key !== 'string') return value
      return (...args: unknown[]) => calls.send(part, key, args)
    },
  })
}
