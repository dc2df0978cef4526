// `npm run demo`: sched checking real Markdown files, on the in-process adapter.
import { resolve } from 'node:path'
import { JobScheduler } from '@sched/core'
import { memory } from '@sched/memory'
import { glob } from 'tinyglobby'
import { checkPage, reachTheUnreachable, reportProgress, sayLater } from './jobs.ts'
import { type Options, readOptions, USAGE } from './options.ts'
import { type CheckedPage, printMetrics, printReport, Screen } from './screen.ts'

const REPOSITORY = resolve(import.meta.dirname, '../../..')

process.exitCode = await main()

async function main(): Promise<number> {
  let options: Options
  try {
    options = readOptions(process.argv.slice(2), REPOSITORY)
  } catch (error) {
    console.error(`${(error as Error).message}\n\n${USAGE}`)
    return 2
  }
  if (options.help) {
    console.log(USAGE)
    return 0
  }
  const files = await markdownFiles(options.root)
  if (files.length === 0) {
    console.error(`no Markdown file below ${options.root}`)
    return 2
  }
  return checkSite(options, files)
}

async function markdownFiles(root: string): Promise<string[]> {
  const ignore = ['**/node_modules/**', '**/.git/**', '**/dist/**']
  return (await glob(['**/*.{md,markdown}'], { cwd: root, absolute: true, dot: true, ignore })).sort()
}

async function checkSite({ root, concurrency }: Options, files: readonly string[]): Promise<number> {
  const adapters = memory()
  const scheduler = new JobScheduler({
    adapters,
    project: 'demo',
    environment: 'local',
    maxConcurrentJobs: concurrency,
    closeAdapters: false, // the report reads them after the stop
    jobs: [checkPage, reachTheUnreachable, sayLater, reportProgress],
  })
  const screen = new Screen(files.length)
  const toGo = new Set<string>()
  let interruptedAt: number | undefined
  const done = new Promise<void>((settle) => {
    const ended = (id: string) => {
      if (toGo.delete(id) && toGo.size === 0) settle()
    }
    scheduler.on('completed', ({ job, result }) => {
      screen.completed(job.type, result, toGo.size)
      ended(job.id)
    })
    scheduler.on('failed', ({ job, error, final }) => {
      screen.line(`${job.type}: ${error.message}${final ? ' → dead letter' : ', will be retried'}`)
      if (final) ended(job.id)
    })
    process.on('SIGINT', () => {
      // npm and its like may pass the same Ctrl-C on once more; a later one means it
      if (interruptedAt !== undefined && performance.now() - interruptedAt > 1000) void scheduler.stop(true)
      if (interruptedAt !== undefined) return
      interruptedAt = performance.now()
      screen.line('Ctrl-C: no new jobs, waiting for those that run; again to stop at once')
      settle()
    })
  })

  const jobs = files.map((file) => ({ payload: { root, file } }))
  for (const id of await scheduler.enqueueMany(checkPage, jobs)) toGo.add(id)
  toGo.add(await scheduler.enqueue(reachTheUnreachable, { host: 'no.such.host' }))
  toGo.add(await scheduler.enqueue(sayLater, { enqueuedAt: new Date() }, { delay: '2500ms' }))
  await scheduler.schedule(
    'each-second',
    reportProgress,
    { since: new Date() },
    { scheduleType: 'interval', scheduleValue: '1s' },
  )

  await scheduler.start()
  await done
  await scheduler.stop()
  screen.stop()

  const reader = new JobScheduler({ adapters, project: 'demo', environment: 'local' })
  const pages = await checkedPages(reader)
  const { jobs: deadLetters } = await reader.listJobs({ state: 'failed' })
  const broken = printReport(root, pages, deadLetters)
  printMetrics(await reader.getMetrics())
  await reader.stop()
  if (interruptedAt !== undefined) {
    console.log(`stopped: ${pages.length} of ${files.length} pages were checked`)
    return 130
  }
  console.log(broken === 0 ? 'all links lead somewhere' : `${broken} broken links`)
  return broken === 0 ? 0 : 1
}

async function checkedPages(scheduler: Pick<JobScheduler, 'listJobs'>): Promise<CheckedPage[]> {
  const pages: CheckedPage[] = []
  let after: string | null = null
  do {
    const page = await scheduler.listJobs({
      type: 'check-page',
      state: 'completed',
      limit: 500,
      ...(after && { after }),
    })
    for (const job of page.jobs)
      pages.push({
        file: (job.payload as { file: string }).file,
        ...(job.result as Omit<CheckedPage, 'file'>),
      })
    after = page.after
  } while (after !== null)
  return pages.sort((a, b) => a.file.localeCompare(b.file))
}
