import { type ChildProcess, spawn } from 'node:child_process'
import { EventEmitter, once } from 'node:events'
import { join } from 'node:path'
import type { ClusterPlan } from './cluster.ts'

const PROGRAM = join(import.meta.dirname, 'worker.ts')
export const REGISTER: string = join(import.meta.dirname, '../../../scripts/text-modules-register.mjs')

/** The worker processes of one outage. They end with this process, however that ends. */
export class WorkerProcesses {
  readonly #plan: ClusterPlan
  /** Those that run jobs, the oldest first. */
  readonly #ready: Set<ChildProcess> = new Set()
  readonly #all: Set<ChildProcess> = new Set()
  readonly #news: EventEmitter<{ ran: []; ready: [] }> = new EventEmitter()
  /** Ended without having been asked to. */
  #deaths = 0
  #runs = 0

  constructor(plan: ClusterPlan) {
    this.#plan = plan
    this.#news.setMaxListeners(0)
  }

  /** Handlers that began, in all processes: what was heard of them, which is less than what is in their logs when they were killed. */
  get runs(): number {
    return this.#runs
  }

  get deaths(): number {
    return this.#deaths
  }

  /** Resolves when they run jobs. */
  async start(count: number): Promise<void> {
    for (let i = 0; i < count; i++) this.#spawn()
    while (this.#ready.size < count) await once(this.#news, 'ready')
  }

  /** Resolves when so many handlers began. */
  async ran(runs: number): Promise<void> {
    while (this.#runs < runs) await once(this.#news, 'ran')
  }

  /** Resolves when the next handler begins: to how long that took, milliseconds. */
  async nextRun(): Promise<number> {
    const since = performance.now()
    await once(this.#news, 'ran')
    return performance.now() - since
  }

  /** Kills the worker that has run for longest, once there is one, and starts another in its place. */
  async replaceOne(): Promise<void> {
    while (this.#ready.size === 0) await once(this.#news, 'ready')
    const [oldest] = this.#ready
    this.#forget(oldest!)
    this.#spawn()
    await end(oldest!, 'SIGKILL')
  }

  /** Ends them in their own orderly way. Resolves to how many failed at that. */
  async stop(): Promise<number> {
    const codes = await Promise.all([...this.#all].map((worker) => this.#stopOne(worker)))
    return codes.filter((code) => code !== 0).length
  }

  /** Ends them at once. */
  async kill(): Promise<void> {
    const workers = [...this.#all]
    for (const worker of workers) this.#forget(worker)
    await Promise.all(workers.map((worker) => end(worker, 'SIGKILL')))
  }

  async #stopOne(worker: ChildProcess): Promise<number | null> {
    while (this.#all.has(worker) && !this.#ready.has(worker)) await once(this.#news, 'ready')
    this.#forget(worker)
    return end(worker, 'SIGTERM')
  }

  #spawn(): void {
    const flags = ['--import', 'tsx', '--import', REGISTER, '--conditions=@sched/source']
    const worker = spawn(process.execPath, [...flags, PROGRAM, JSON.stringify(this.#plan)], {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    })
    this.#all.add(worker)
    worker.on('message', (news: { runs?: number; ready?: true }) => {
      if (news.ready) {
        this.#ready.add(worker)
        this.#news.emit('ready')
      }
      if (news.runs === undefined) return
      this.#runs += news.runs
      this.#news.emit('ran')
    })
    worker.on('exit', () => {
      if (!this.#all.has(worker)) return
      this.#forget(worker)
      this.#deaths++
      this.#news.emit('ready')
    })
  }

  #forget(worker: ChildProcess): void {
    this.#all.delete(worker)
    this.#ready.delete(worker)
  }
}

/** Resolves to its exit code; null where a signal ended it. */
async function end(worker: ChildProcess, signal: NodeJS.Signals): Promise<number | null> {
  if (worker.exitCode !== null || worker.signalCode !== null) return worker.exitCode
  const exit = once(worker, 'exit')
  worker.kill(signal)
  const [code] = await exit
  return code as number | null
}
