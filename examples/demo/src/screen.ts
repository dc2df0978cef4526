// What the terminal shows: a bar while it runs, lines above it, tables at the end.
import { relative } from 'node:path'
import type { JobRecord, Metrics } from '@sched/core'
import { MultiBar, Presets, type SingleBar } from 'cli-progress'
import Table from 'cli-table3'
import colors from 'picocolors'
import type { BrokenLink } from './check-links.ts'

export interface CheckedPage {
  file: string
  words: number
  links: number
  broken: BrokenLink[]
}

export class Screen {
  readonly #bars: MultiBar
  readonly #bar: SingleBar
  #words = 0

  constructor(pages: number) {
    const format = 'pages {bar} {value}/{total} · {words} words'
    const options = { format, hideCursor: true, noTTYOutput: true, notTTYSchedule: 1000, gracefulExit: false }
    this.#bars = new MultiBar(options, Presets.shades_classic)
    this.#bar = this.#bars.create(pages, 0, { words: 0 })
  }

  completed(type: string, result: unknown, toGo: number): void {
    if (type === 'check-page') {
      this.#words += (result as CheckedPage).words
      this.#bar.increment(1, { words: this.#words })
    } else if (type === 'say-later')
      this.line(`the delayed job ran ${(result as { lateMs: number }).lateMs} ms after it was enqueued`)
    else if (type === 'report-progress')
      this.line(`second ${(result as { second: number }).second}: ${toGo} jobs to go`)
  }

  line(text: string): void {
    if (process.stderr.isTTY) this.#bars.log(`${text}\n`)
    else console.log(text)
  }

  stop(): void {
    this.#bars.stop()
  }
}

/** Resolves to the number of broken links. */
export function printReport(
  root: string,
  pages: readonly CheckedPage[],
  deadLetters: readonly JobRecord[],
): number {
  const table = tableOf('page', 'words', 'links', 'broken')
  for (const { file, words, links, broken } of pages)
    table.push([
      relative(root, file),
      words,
      links,
      broken.length > 0 ? colors.red(broken.length) : colors.green(0),
    ])
  console.log(table.toString())
  for (const { file, broken } of pages)
    for (const { line, url, why } of broken)
      console.log(colors.red(`${relative(root, file)}:${line}  ${url}  ${why}`))
  for (const job of deadLetters)
    console.log(
      colors.yellow(`dead letter ${job.id}: ${job.type}, ${job.attempt} attempts, ${job.error?.message}`),
    )
  return pages.reduce((sum, { broken }) => sum + broken.length, 0)
}

export function printMetrics(metrics: Metrics): void {
  const table = tableOf('job type', 'completed', 'failed', 'pending', 'average ms')
  for (const [type, one] of Object.entries(metrics.types))
    table.push([type, one.completed, one.failed, one.pending, one.averageDuration.toFixed(1)])
  table.push([
    'in all',
    metrics.completed,
    metrics.failed,
    metrics.pending,
    metrics.averageDuration.toFixed(1),
  ])
  console.log(table.toString())
}

function tableOf(...head: string[]): Table.Table {
  return new Table({
    head,
    style: { compact: true, head: [], border: [] },
    colAligns: head.map((_, column) => (column === 0 ? 'left' : 'right')),
  })
}
