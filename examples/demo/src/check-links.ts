// Whether the relative links of a page lead somewhere: to a file or folder, and to an anchor that exists in it.
import { readFile, stat } from 'node:fs/promises'
import { dirname, join, relative } from 'node:path'
import { type Page, parsePage } from './markdown.ts'

export interface BrokenLink {
  line: number
  url: string
  why: string
}

const ELSEWHERE = /^(?:[a-z][a-z0-9+.-]*:|\/\/)/i

/** `root` is what a link that begins with `/` is relative to. */
export async function brokenLinks(page: Page, file: string, root: string): Promise<BrokenLink[]> {
  const broken: BrokenLink[] = []
  for (const { url, line } of page.links) {
    if (ELSEWHERE.test(url)) continue
    const why = await whatIsWrong(url, page, file, root)
    if (why) broken.push({ line, url, why })
  }
  return broken
}

async function whatIsWrong(url: string, page: Page, file: string, root: string): Promise<string | undefined> {
  const [path = '', anchor] = url.split('#')
  const target = path.startsWith('/') ? join(root, decode(path)) : join(dirname(file), decode(path))
  if (path !== '' && !(await exists(target))) return `no such file: ${relative(root, target)}`
  if (!anchor) return undefined
  if (path !== '' && !/\.(md|markdown)$/i.test(target)) return undefined
  const anchors = path === '' ? page.anchors : parsePage(await readFile(target, 'utf8')).anchors
  return anchors.has(decode(anchor))
    ? undefined
    : `no heading #${anchor}${path === '' ? '' : ` in ${relative(root, target)}`}`
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text // a stray % is part of the name
  }
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return false
      throw error
    },
  )
}
