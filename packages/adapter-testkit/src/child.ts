/** Another process with one node of a target: it does what its parent asks over IPC. Started by child-process.ts. */

import { fileURLToPath } from 'node:url'
import { loadTarget } from './cli/load-target.ts'
import { type FaultRule, withFaults } from './faults/wrap.ts'
import type { OpenedAdapters } from './target.ts'

export interface ChildSetup {
  readonly module: string
  readonly namespace: string
  readonly faults: readonly FaultRule[]
}

export type ChildRequest =
  | {
      readonly call: number
      readonly part: 'storage' | 'broker' | 'lock'
      readonly method: string
      readonly args: readonly unknown[]
    }
  | { readonly close: true }

export type ChildReply =
  | { readonly ready: true }
  | { readonly call: number; readonly value: unknown }
  | {
      readonly call: number
      readonly error: {
        readonly name: string
        readonly message: string
        readonly code?: string
        readonly ambiguous?: boolean
      }
    }

const setup = JSON.parse(process.argv[2] ?? '{}') as ChildSetup
const target = await loadTarget(fileURLToPath(setup.module))
const opened = await target.open(setup.namespace)
const parts = {
  storage: faulty(opened.storage),
  broker: faulty(opened.broker),
  lock: faulty(opened.lock),
}
for (const part of Object.values(parts)) await part?.ready?.()

process.on('message', (request: ChildRequest) => void answer(request))
process.on('disconnect', () => process.exit(0))
send({ ready: true })

async function answer(request: ChildRequest): Promise<void> {
  if ('close' in request) {
    await opened.close()
    await target.end?.()
    process.disconnect()
    return
  }
  const { call, part, method, args } = request
  try {
    const adapter = parts[part] as unknown as Record<
      string,
      (...args: readonly unknown[]) => Promise<unknown>
    >
    send({ call, value: await adapter[method]!(...args) })
  } catch (reason) {
    const error = reason as Error & { code?: string; ambiguous?: boolean }
    send({
      call,
      error: {
        name: error.name,
        message: error.message,
        ...(error.code === undefined ? {} : { code: error.code }),
        ...(error.ambiguous === undefined ? {} : { ambiguous: error.ambiguous }),
      },
    })
  }
}

function faulty<T extends NonNullable<OpenedAdapters[keyof OpenedAdapters]>>(
  part: T | undefined,
): T | undefined {
  return part && setup.faults.length > 0 ? withFaults(part, { rules: setup.faults }) : part
}

function send(reply: ChildReply): void {
  process.send?.(reply)
}
