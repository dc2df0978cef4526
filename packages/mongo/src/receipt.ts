/** A receipt is the token of a claim, which all ids of the claim share, and the id: so it proves the claim of this id alone. */

/** What no claim has. */
const NOBODYS = '-'

export function receiptOf(id: string, token: string): string {
  return `${token}:${id}`
}

/** The token that a receipt for `id` names; one that nobody has when it is for another id, or none. */
export function tokenOf(id: string, receipt: string | undefined): string | undefined {
  if (receipt === undefined) return undefined
  const token = receipt.slice(0, receipt.indexOf(':'))
  return token !== '' && receipt === receiptOf(id, token) ? token : NOBODYS
}
