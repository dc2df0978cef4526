/**
 * A command as ioredis sends it, without what ioredis makes for each: a promise, a copy of the arguments, transformers of arguments and replies
 * that no script needs. That took a twentieth of an enqueue. Whatever else ioredis asks of a command, its own class answers.
 */
import { tracingChannel } from 'node:diagnostics_channel'
import { Command } from 'ioredis'

export type Argument = string | number

/** Takes the answer of a command, its texts decoded, or why there is none; one of them, once. */
export interface Receiver {
  resolve(answer: unknown): void
  reject(error: unknown): void
}

const traces: { readonly hasSubscribers?: boolean } = tracingChannel('ioredis:command')

class BareCommand implements Receiver {
  readonly name: string
  readonly args: readonly Argument[]
  isTraced = true
  isSettled = false
  inTransaction = false
  /** For whoever listens to ioredis' traces. */
  readonly promise: Promise<unknown> | undefined
  readonly #receiver: Receiver
  #traced: Receiver | undefined

  constructor(name: string, args: readonly Argument[], receiver: Receiver) {
    this.name = name
    this.args = args
    this.#receiver = receiver
    this.promise = traces.hasSubscribers === false ? undefined : this.#trace()
  }

  setReplyContext(): void {
    // what the adapters ask is answered alike in either protocol
  }

  toWritable(): string {
    const { name, args } = this
    let text = `*${args.length + 1}\r\n$${name.length}\r\n${name}\r\n`
    for (const given of args) {
      const argument = typeof given === 'string' ? given : String(given)
      text += `$${Buffer.byteLength(argument)}\r\n${argument}\r\n`
    }
    return text
  }

  resolve(reply: unknown): void {
    let answer: unknown
    try {
      answer = decoded(reply)
    } catch (error) {
      this.reject(error)
      return
    }
    this.isSettled = true
    this.#receiver.resolve(answer)
    this.#traced?.resolve(answer)
  }

  reject(error: unknown): void {
    this.isSettled = true
    this.#receiver.reject(error)
    this.#traced?.reject(error)
  }

  #trace(): Promise<unknown> {
    this.isTraced = false
    const promise = new Promise((resolve, reject) => {
      this.#traced = { resolve, reject }
    })
    // the receiver hears of it; nobody else has to
    promise.catch(() => undefined)
    return promise
  }
}

Object.setPrototypeOf(BareCommand.prototype, Command.prototype)

export function bareCommand(name: string, args: readonly Argument[], receiver: Receiver): Command {
  return new BareCommand(name, args, receiver) as unknown as Command
}

function decoded(reply: unknown): unknown {
  if (reply instanceof Buffer) return reply.toString()
  return Array.isArray(reply) ? reply.map(decoded) : reply
}
