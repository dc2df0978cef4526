import { createHash } from 'node:crypto'
import { mkdir, open, readFile, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { ClosedError, UnavailableError } from '@sched/core/adapter'
import { holding } from './lock-file.ts'

export interface FolderOptions {
  /** Where everything lives. */
  readonly path: string
  /** Isolation: adapters of different prefixes share nothing. */
  readonly prefix: string
  /** Clears what is under the prefix, once, at `ready()`. */
  readonly resetOnInit: boolean
}

interface Turn {
  /** Does the step, and gives what tells the caller once the document is on the disk. */
  readonly run: (document: unknown) => () => void
  readonly fail: (error: unknown) => void
}

/**
 * A folder of JSON files, each changed as a whole by one process at a time. What storage, broker and lock share: names that can be
 * anything, steps that are atomic, and a life.
 */
export class Folder {
  readonly #what: string
  readonly #path: string
  readonly #reset: boolean
  #ready: Promise<void> | undefined
  #closed = false
  readonly #waiting = new Map<string, Turn[]>()

  constructor(what: string, { path, prefix, resetOnInit }: FolderOptions) {
    this.#what = what
    // one folder each, so that clearing one clears nothing else
    this.#path = join(path, hash(prefix), what)
    this.#reset = resetOnInit
  }

  ready(): Promise<void> {
    this.guard()
    this.#ready ??= this.#prepare()
    return this.#ready
  }

  async close(): Promise<void> {
    this.#closed = true
  }

  guard(): void {
    if (this.#closed) throw new ClosedError(`the file ${this.#what}`)
  }

  /**
   * One atomic step on the document called `name` (any text): `step` gets what it holds (`empty` at first) and may change it. Nobody sees
   * it in between, and it is on the disk before this resolves, or not at all. Steps of this node that wait for the same document
   * share one turn, in the order they came: otherwise a burst of small steps would queue up behind as many flushes of the disk.
   */
  async change<D, T>(name: string, empty: () => D, step: (document: D) => T): Promise<T> {
    this.guard()
    return new Promise<T>((resolve, reject) => {
      const waiting = this.#waiting.get(name)
      const turn: Turn = {
        run: (document) => {
          try {
            const answer = step(document as D)
            return () => resolve(answer)
          } catch (error) {
            return () => reject(error)
          }
        },
        fail: reject,
      }
      if (waiting) waiting.push(turn)
      else {
        this.#waiting.set(name, [turn])
        void this.#work(name, empty)
      }
    })
  }

  /** Turns until nobody waits. Never rejects: whoever waited is told. */
  async #work(name: string, empty: () => unknown): Promise<void> {
    // a hash: names may be long, hold slashes, or differ only in case
    const file = join(this.#path, hash(name))
    let turns: Turn[] = []
    while ((this.#waiting.get(name)?.length ?? 0) > 0) {
      try {
        await this.ready()
        const answers = await this.#io(() =>
          holding(`${file}.lock`, async () => {
            turns = this.#waiting.get(name)?.splice(0) ?? []
            this.guard()
            const document = (await read(file)) ?? empty()
            const before = JSON.stringify(document)
            const answered = turns.map((turn) => turn.run(document))
            const after = JSON.stringify(document)
            if (after !== before) await write(file, after)
            return answered
          }),
        )
        for (const answer of answers) answer()
      } catch (error) {
        const failed = turns.length > 0 ? turns : (this.#waiting.get(name)?.splice(0) ?? [])
        for (const turn of failed) turn.fail(error)
      }
      turns = []
    }
    this.#waiting.delete(name)
  }

  /** What `name` holds: a rename replaces a file as a whole, so reading takes no lock. */
  async look<D>(name: string, empty: () => D): Promise<D> {
    await this.ready()
    this.guard()
    return this.#io(async () => (await read<D>(join(this.#path, hash(name)))) ?? empty())
  }

  async #prepare(): Promise<void> {
    if (this.#reset) await rm(this.#path, { recursive: true, force: true })
    await mkdir(this.#path, { recursive: true })
  }

  /** A full or missing disk is this adapter's server being away. */
  async #io<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work()
    } catch (cause) {
      const { code, syscall } = cause as NodeJS.ErrnoException
      if (syscall === undefined) throw cause
      throw new UnavailableError(
        `the file ${this.#what} cannot ${syscall} (${code}): look at the disk and its permissions`,
        { cause },
      )
    }
  }
}

async function read<D>(file: string): Promise<D | undefined> {
  try {
    return JSON.parse(await readFile(file, 'utf8')) as D
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

/** Under the lock, so the temporary name is ours. Flushed before the rename: after a power cut the old or the new file is there, whole. */
async function write(file: string, text: string): Promise<void> {
  const handle = await open(`${file}.new`, 'w')
  try {
    await handle.writeFile(text)
    await handle.datasync()
  } finally {
    await handle.close()
  }
  await rename(`${file}.new`, file)
}

function hash(name: string): string {
  return createHash('sha256').update(name).digest('hex')
}
