// The jobs of the demo: one that does the work, one that fails for good, one that comes later, one that a schedule makes.
import { readFile } from 'node:fs/promises'
import { relative } from 'node:path'
import { defineJob } from '@sched/core'
import { z } from 'zod'
import { brokenLinks } from './check-links.ts'
import { parsePage } from './markdown.ts'

export const checkPage = defineJob({
  type: 'check-page',
  schema: z.object({ root: z.string(), file: z.string() }),
  retention: { completed: { count: 1_000_000 } }, // the report reads every result
  async handle({ root, file }, ctx) {
    const page = parsePage(await readFile(file, 'utf8'))
    const broken = await brokenLinks(page, file, root)
    if (broken.length > 0) await ctx.log('warn', `${relative(root, file)} has ${broken.length} broken links`)
    return { words: page.words, links: page.links.length, broken }
  },
})

export const reachTheUnreachable = defineJob({
  type: 'reach-the-unreachable',
  schema: z.object({ host: z.string() }),
  maxRetries: 2,
  backoffStrategy: { type: 'linear', delay: 1000 },
  async handle({ host }, ctx) {
    throw new Error(`${host} does not answer (attempt ${ctx.attempt})`)
  },
})

export const sayLater = defineJob({
  type: 'say-later',
  schema: z.object({ enqueuedAt: z.date() }),
  async handle({ enqueuedAt }) {
    return { lateMs: Date.now() - enqueuedAt.getTime() }
  },
})

export const reportProgress = defineJob({
  type: 'report-progress',
  schema: z.object({ since: z.date() }),
  async handle({ since }, ctx) {
    return { second: Math.round((ctx.dueAt - since.getTime()) / 1000) }
  },
})
