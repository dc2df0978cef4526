// What a Markdown page holds: its words, its anchors, and the links it makes.
import GithubSlugger from 'github-slugger'
import { fromMarkdown } from 'mdast-util-from-markdown'
import { toString as textOf } from 'mdast-util-to-string'
import { visit } from 'unist-util-visit'

export interface Page {
  words: number
  anchors: Set<string>
  links: { url: string; line: number }[]
}

export function parsePage(text: string): Page {
  const tree = fromMarkdown(text)
  const slugger = new GithubSlugger()
  const page: Page = {
    words: textOf(tree).match(/[\p{L}\p{N}]+/gu)?.length ?? 0,
    anchors: new Set(),
    links: [],
  }
  visit(tree, (node) => {
    if (node.type === 'heading') page.anchors.add(slugger.slug(textOf(node)))
    else if (node.type === 'html')
      for (const [, id] of node.value.matchAll(/\b(?:id|name)="([^"]+)"/g)) page.anchors.add(id as string)
    else if (node.type === 'link' || node.type === 'image' || node.type === 'definition')
      page.links.push({ url: node.url, line: node.position?.start.line ?? 0 })
  })
  return page
}
