/**
 * What the handlers did, written down where neither PostgreSQL nor Redis can lose it: a file a process, a line a run, appended before the
 * handler does anything else. A killed process loses no line that was written.
 */
import { openSync, readdirSync, readFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'

/** A handler began. */
export interface Run {
  readonly id: string
  /** Of the claim. */
  readonly fence: number
  /** Epoch milliseconds. */
  readonly at: number
  readonly pid: number
}

const ENDING = '.runs'

/** Opens this process's file in `folder` and gives the way to write to it. */
export function openRunLog(folder: string): (id: string, fence: number) => void {
  const file = openSync(join(folder, `${process.pid}${ENDING}`), 'a')
  return (id, fence) => {
    writeSync(file, `${JSON.stringify({ id, fence, at: Date.now(), pid: process.pid } satisfies Run)}\n`)
  }
}

/** The runs of all processes, in the order of their beginnings. */
export function readRuns(folder: string): Run[] {
  const files = readdirSync(folder).filter((name) => name.endsWith(ENDING))
  const lines = files.flatMap((name) => readFileSync(join(folder, name), 'utf8').split('\n'))
  const runs = lines.filter((line) => line !== '').map((line): Run => JSON.parse(line))
  return runs.sort((a, b) => a.at - b.at)
}
