// Runs every contender of a workload in turn, round after round, so that drift of the machine hits all alike.
import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const run = promisify(execFile)
const RUNNER = fileURLToPath(new URL('run.mjs', import.meta.url))

/** One entry a workload: `{ workload, contenders: [{ name, role: 'ours' | 'raw' | 'peer', runs }], ours }`. */
export async function measure({ suite, peers, workloads, rounds, quick }) {
  const results = []
  for (const workload of workloads) {
    const contenders = contendersOf(suite, peers, workload).map((contender) => ({ ...contender, runs: [] }))
    for (let round = 1; round <= rounds; round++) {
      for (const contender of contenders) {
        process.stderr.write(`${workload.name} · round ${round}/${rounds} · ${contender.name} … `)
        const result = await once(contender.name, workload, contender.slow, quick)
        contender.runs.push(result)
        process.stderr.write(`${result.error ?? summary(workload, result)}${result.ok ? '' : ' NOT OK'}\n`)
      }
    }
    results.push({
      workload,
      contenders,
      ours: contenders.filter((c) => c.role === 'ours').flatMap((c) => c.runs),
    })
  }
  return results
}

// A workload may narrow the peers, or name another variant of one (`fastq:promise`), among those the caller chose.
function contendersOf(suite, peers, workload) {
  const kind = (name) => name.split(':')[0]
  const chosen = workload.peers?.filter((name) => peers.some((peer) => kind(peer) === kind(name))) ?? peers
  return [
    ...(workload.ours ?? suite.ours).map((name) => ({ name, role: 'ours' })),
    ...(workload.raw ?? suite.raw).map((name) => ({ name, role: 'raw' })),
    ...chosen.map((name) => ({ name, role: 'peer', slow: suite.slow?.includes(kind(name)) })),
  ]
}

async function once(peer, workload, slow, quick) {
  const options = { ...workload.options, ...(slow ? workload.slow : {}), ...(quick ? workload.quick : {}) }
  const args = [
    '--expose-gc',
    '--max-old-space-size=6000',
    RUNNER,
    '--peer',
    peer,
    '--workload',
    workload.kind,
  ]
  for (const [key, value] of Object.entries(options)) args.push(`--${key}`, String(value))
  try {
    const { stdout } = await run(process.execPath, args, { timeout: 300_000, maxBuffer: 2 ** 26 })
    return JSON.parse(stdout.trim().split('\n').pop())
  } catch (error) {
    return { peer, ok: false, error: error.message.split('\n')[0].slice(0, 200) }
  }
}

const summary = (workload, result) =>
  workload.metrics.map((metric) => `${metric} ${result[metric]}`).join(' · ')
