import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { ERROR_CODES } from './codes.ts'

const PAGE = join(import.meta.dirname, '../../../../docs/errors/README.md')

const HEAD = `# Errors

Every error that sched makes is a \`SchedError\` with a stable \`code\`; messages may get better, codes stay. A message names what was
wrong and what to do, and never carries a password or a connection string. \`ambiguous: true\` means that the operation may have been
applied although it was not acknowledged: repeat an enqueue with the same job id. The original error of a server, where there is one, is
in \`cause\`.

<!-- Made from packages/core/src/errors/codes.ts, which a test keeps equal to this page; \`UPDATE_DOCS=1\` writes it anew. -->
`

function pageOf(): string {
  const sections = Object.entries(ERROR_CODES).map(
    ([code, { meaning, remedy }]) => `\n## ${code}\n\n${meaning}\n\n**What to do:** ${remedy}\n`,
  )
  return HEAD + sections.join('')
}

test('the page in the docs says what the table says', () => {
  if (process.env.UPDATE_DOCS === '1') writeFileSync(PAGE, pageOf())
  expect(existsSync(PAGE)).toBe(true)
  expect(readFileSync(PAGE, 'utf8')).toBe(pageOf())
})

test('every entry is a sentence that says something', () => {
  for (const { meaning, remedy } of Object.values(ERROR_CODES)) {
    expect(meaning).toMatch(/^[A-Z].{15,}\.$/s)
    expect(remedy).toMatch(/^[A-Z`].{15,}\.$/s)
  }
})
