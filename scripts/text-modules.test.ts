import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'

it('imports SQL and Lua files as the text they hold', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'text-modules-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  for (const [name, text] of [
    ['claim.sql', "select '`$é`' -- \\ \n"],
    ['claim.lua', 'return "\'"\n'],
  ] as const) {
    writeFileSync(join(folder, name), text)
    expect(await import(join(folder, name))).toMatchObject({ default: text })
  }
})
