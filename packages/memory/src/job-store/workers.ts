/** Everything one claim call handed out: its jobs share a token and a fence, and live by their worker's lease. */
export class Claim {
  /** The fence: larger than any claim before. */
  readonly number: number
  readonly token: string
  readonly worker: Worker
  /** Epoch ms. */
  readonly at: number
  /** What was handed out; empty again once nothing of it is held. */
  slots: number[] = []
  /** How many of them are still held. */
  held = 0

  constructor(number: number, worker: Worker, at: number) {
    this.number = number
    this.worker = worker
    this.at = at
    this.token = `${number}@${worker.id}`
  }
}

/** The worker that a token was given to; the empty string when the text is no token. */
export function workerOfToken(token: string): string {
  return token.slice(token.indexOf('@') + 1)
}

export class Worker {
  readonly id: string
  /** When its lease ends, epoch ms. */
  until: number
  /** When it was declared dead, epoch ms; undefined while it lives. */
  deadSince: number | undefined
  info: Readonly<Record<string, unknown>>
  /** Claims of which it still holds something. */
  readonly claims: Set<Claim> = new Set()
  /** Jobs it runs. */
  running = 0

  constructor(id: string, until: number, info: Readonly<Record<string, unknown>>) {
    this.id = id
    this.until = until
    this.info = info
  }
}
