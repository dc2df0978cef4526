/**
 * A server program run on this machine, on a free port and in a temporary directory, under a shell (watch.sh) that ends it and removes
 * the directory as soon as this process is gone, even by SIGKILL.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { EventEmitter, once } from 'node:events'
import { readFileSync } from 'node:fs'
import { access, chown, mkdir, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { untilAnswers } from './answering.ts'
import { freePort } from './free-port.ts'
import type { Server } from './server.ts'

/** What a backend says about its server program. */
export interface Program {
  /** Used in the directory's name and in messages. */
  readonly name: string
  /** A port to insist on; default a free one. */
  readonly port: number | undefined
  /** The user and group id to run as; default this process's. */
  readonly runAs?: number | undefined
  /** The program and its arguments. At the first start, the folder `data` in its directory is empty. */
  command(at: Place): readonly string[]
  url(at: Place): string
  /** Rejects as long as this very server does not serve; resolves to its version. */
  probe(at: Place & { readonly pid: number }): Promise<string>
  /** How the server is asked to shut down properly. */
  readonly shutdownSignal: NodeJS.Signals
  /** A complaint in the log that goes away by itself, so that starting again helps. */
  readonly passing?: RegExp
  /** How it ends when nobody will miss its data: quickly, but leaving nothing behind. */
  readonly endSignal: NodeJS.Signals
}

/** Where a server lives. */
export interface Place {
  readonly directory: string
  readonly port: number
}

/** Handed over as text, since the user that the server runs as may not be able to read this repository. */
const WATCH = readFileSync(new URL('../watch.sh', import.meta.url), 'utf8')
const PORT_ATTEMPTS = 3
const PASSING_LIMIT_MS = 10_000

/** Starts the program and waits until it answers. Throws with the end of its log when it does not. */
export async function startLocal(program: Program): Promise<Server> {
  for (let attempt = 1; ; attempt++) {
    const server = new LocalServer(program, await makePlace(program))
    try {
      await server.launch()
      return server
    } catch (error) {
      await server.stop()
      // Another process may have taken the port between finding and using it.
      const portTaken = /address already in use/i.test(String(error))
      if (!portTaken || program.port !== undefined || attempt === PORT_ATTEMPTS) throw error
    }
  }
}

class LocalServer implements Server {
  readonly #program: Program
  readonly #place: Place
  readonly #lines = new EventEmitter<{ started: [number]; ended: []; error: [Error] }>()
  #shell: ChildProcess | undefined
  #pid: number | undefined
  #version = ''

  constructor(program: Program, place: Place) {
    this.#program = program
    this.#place = place
  }

  get url(): string {
    return this.#program.url(this.#place)
  }

  get port(): number {
    return this.#place.port
  }

  get pid(): number | undefined {
    return this.#pid
  }

  get directory(): string {
    return this.#place.directory
  }

  get version(): string {
    return this.#version
  }

  async launch(): Promise<void> {
    const { runAs, endSignal } = this.#program
    const { directory } = this.#place
    const started = once(this.#lines, 'started')
    this.#shell = spawn(
      '/bin/sh',
      [
        '-c',
        WATCH,
        'watch.sh',
        directory,
        endSignal.replace('SIG', ''),
        ...this.#program.command(this.#place),
      ],
      {
        cwd: directory,
        // Out of the terminal's reach: Ctrl-C ends the runner, whose closing pipe then ends the server.
        detached: true,
        stdio: ['pipe', 'pipe', 'ignore'],
        ...(runAs === undefined ? {} : { uid: runAs, gid: runAs }),
      },
    )
    this.#shell.unref()
    this.#shell.stdin?.on('error', () => this.#shell?.stdin?.destroy())
    this.#listen(this.#shell)
    await started
    await this.#answering()
  }

  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    if (this.#pid === undefined) return
    const passing = signal === 'SIGSTOP' || signal === 'SIGCONT'
    const ended = passing ? undefined : once(this.#lines, 'ended')
    process.kill(this.#pid, signal)
    await ended
  }

  async start(): Promise<void> {
    const deadline = Date.now() + PASSING_LIMIT_MS
    while (this.#pid === undefined) {
      if (!this.#shell?.stdin?.writable) {
        throw new Error(`the ${this.#program.name} server was stopped for good`)
      }
      const started = once(this.#lines, 'started')
      this.#shell.stdin.write('start\n')
      await started
      await this.#answering().catch((error: unknown) => {
        if (!this.#program.passing?.test(String(error)) || Date.now() > deadline) throw error
      })
    }
  }

  async restart(signal: NodeJS.Signals = this.#program.shutdownSignal): Promise<void> {
    await this.kill(signal)
    await this.start()
  }

  async stop(): Promise<void> {
    const shell = this.#shell
    const runs = shell?.pid !== undefined && shell.exitCode === null && shell.signalCode === null
    if (runs) {
      const exit = once(shell, 'exit')
      shell.ref() // else a program with nothing more to do ends before the server does
      shell.stdin?.end()
      await exit
    }
    await rm(this.#place.directory, { recursive: true, force: true })
  }

  #listen(shell: ChildProcess): void {
    // Whoever waits for a line is told; afterwards the closed pipe says enough.
    this.#lines.on('error', () => {})
    shell.on('error', (error) => this.#lines.emit('error', error))
    shell.on('exit', () => this.#lines.emit('error', new Error('the shell that watches the server ended')))
    if (!shell.stdout) throw new Error('the watching shell has no output')
    createInterface(shell.stdout).on('line', (line) => {
      const [word, value] = line.split(' ')
      this.#pid = word === 'started' ? Number(value) : undefined
      if (word === 'started') this.#lines.emit('started', Number(value))
      else this.#lines.emit('ended')
    })
  }

  async #answering(): Promise<void> {
    try {
      this.#version = await untilAnswers(
        this.port,
        () => this.#pid !== undefined,
        () => this.#program.probe({ ...this.#place, pid: this.#pid ?? 0 }),
      )
    } catch (error) {
      const log = await readFile(join(this.directory, 'server.log'), 'utf8').catch(() => '')
      const end = log.split('\n').slice(-15).join('\n')
      throw new Error(`the ${this.#program.name} server did not start; the end of its log:\n${end}`, {
        cause: error,
      })
    }
  }
}

async function makePlace({ name, port, runAs }: Program): Promise<Place> {
  const directory = await mkdtemp(join(await openTemporaryFolder(runAs), `sched-${name}-`))
  await mkdir(join(directory, 'data'), { mode: 0o700 })
  if (runAs !== undefined) {
    for (const folder of [directory, join(directory, 'data')]) await chown(folder, runAs, runAs)
  }
  return { directory, port: port ?? (await freePort()) }
}

/** Another user cannot enter a TMPDIR inside root's home. */
async function openTemporaryFolder(runAs: number | undefined): Promise<string> {
  if (runAs === undefined) return tmpdir()
  return (await access('/tmp').then(
    () => true,
    () => false,
  ))
    ? '/tmp'
    : tmpdir()
}
