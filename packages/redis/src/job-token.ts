/** A token names the fence of its claim and the worker that holds it. */
export function tokenOf(fence: string, worker: string): string {
  return `${fence}@${worker}`
}

export function readToken(token: string): { readonly fence: string; readonly worker: string } {
  const at = token.indexOf('@')
  return at < 0 ? { fence: '', worker: token } : { fence: token.slice(0, at), worker: token.slice(at + 1) }
}
