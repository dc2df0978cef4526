import type { JobError } from '../contracts/job-record.ts'

/** What is stored of a message and of a stack, in UTF-16 units: an error must not outgrow its job. */
const MAX_MESSAGE = 8_192
const MAX_STACK = 16_384

/** What was thrown, as it is stored. Takes anything, also hostile objects whose properties throw, and always gives text that every store
 * keeps as it is: well-formed, without NUL. */
export function toJobError(thrown: unknown): JobError {
  try {
    return thrown instanceof Error
      ? fromError(thrown)
      : { name: 'Error', message: clip(show(thrown), MAX_MESSAGE) }
  } catch {
    return { name: 'Error', message: 'an error that cannot be read was thrown' }
  }
}

/** What was thrown, as an Error: itself when it is one. Takes anything, as {@link toJobError} does. */
export function toError(thrown: unknown): Error {
  try {
    if (thrown instanceof Error) return thrown
  } catch {
    // a proxy that does not tell its prototype
  }
  return new Error(toJobError(thrown).message, { cause: thrown })
}

function fromError(error: Error): JobError {
  const { code } = error as { code?: unknown }
  return {
    name: clip(String(error.name), 200) || 'Error',
    message: clip(String(error.message), MAX_MESSAGE),
    ...(typeof code === 'string' && { code: clip(code, 200) }),
    ...(typeof error.stack === 'string' && { stack: clip(error.stack, MAX_STACK) }),
  }
}

function show(thrown: unknown): string {
  if (typeof thrown === 'object' && thrown !== null)
    return JSON.stringify(thrown) ?? Object.prototype.toString.call(thrown)
  return String(thrown)
}

function clip(text: string, max: number): string {
  return (text.length > max ? `${text.slice(0, max)}…` : text).toWellFormed().replaceAll('\0', '\ufffd')
}
