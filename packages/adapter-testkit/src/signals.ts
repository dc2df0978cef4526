/** How a case ends when it neither passes nor fails. */
export class NotApplicable extends Error {
  override readonly name = 'NotApplicable'
}

export class Inconclusive extends Error {
  override readonly name = 'Inconclusive'
}
