/** A server that belongs to this process and ends with it, however that ends. */
export interface Server {
  /** The connection string to hand to a client. */
  readonly url: string
  readonly port: number
  /** Of the server itself, on this machine; undefined when it runs in a container. Changes with every start. */
  readonly pid: number | undefined
  /** Where it keeps its data and its `server.log`; removed by `stop`. Undefined when it runs in a container. */
  readonly directory: string | undefined
  readonly version: string
  /** Sends `signal` (default SIGKILL) and, unless it is SIGSTOP or SIGCONT, waits until the server is gone. The data stays. */
  kill(signal?: NodeJS.Signals): Promise<void>
  /** Starts a killed server again: same port, same data. Resolves when it answers. */
  start(): Promise<void>
  /** Shuts the server down in its own orderly way, or by `signal`, and starts it again. */
  restart(signal?: NodeJS.Signals): Promise<void>
  /** Ends the server and removes what it stored. Repeating it does no harm. */
  stop(): Promise<void>
}
