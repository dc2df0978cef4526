import { AREAS, type Area, type Case, LEVELS } from '../case.ts'

const TITLES: Readonly<Record<Area, string>> = {
  storage: 'Storage',
  life: 'Life cycle',
  broker: 'Broker',
  lock: 'Lock',
  'job-store': 'Job store',
  'schedule-store': 'Schedule store',
  race: 'Races',
  time: 'Time',
  fault: 'Faults',
  hybrid: 'Storage and broker in two systems',
  model: 'Against the reference model',
  lin: 'Linearizability',
  perf: 'Performance',
}

/** Every case with its rule, level and needs, as a page of the reference. */
export function caseListMarkdown(cases: readonly Case[]): string {
  const counts = LEVELS.map((level) => `${cases.filter((one) => one.level === level).length} *${level}*`)
  const lines = [
    '# Conformance cases',
    '',
    '<!-- Generated from the cases themselves; `npm test -- packages/adapter-testkit -u` writes it anew. -->',
    '',
    `The ${cases.length} cases of \`@sched/adapter-testkit\`: ${counts.join(', ')}. Ids are stable. A *must* that fails means that the adapter`,
    'does not conform; what an adapter does not have, and so what a case needs, is n/a. Storage, broker, lock, schedule store, race and model',
    "cases run twice, bare and through core's namespaces; job store cases run over the composed and over the fused store; hybrid cases run over",
    "core's composed store, on the storage of one target and the broker and lock of another, or on two namespaces of a single one.",
    '',
  ]
  for (const area of AREAS) {
    const own = cases.filter((one) => one.area === area)
    if (own.length === 0) continue
    lines.push(`## ${TITLES[area]}`, '', '| Case | Level | Rule | Why | Needs |', '|---|---|---|---|---|')
    for (const one of own) {
      const needs = one.needs.filter((need) => need !== area).map((need) => `\`${need}\``)
      lines.push(
        `| \`${one.id}\` | ${one.level} | ${cell(one.rule)} | ${cell(one.why)} | ${needs.join(', ')} |`,
      )
    }
    lines.push('')
  }
  return `${lines.join('\n').trimEnd()}\n`
}

/** What a table would take for its own. */
function cell(text: string): string {
  return text.replace(/[|\\<*_]/g, '\\$&').replaceAll('\n', ' ')
}
