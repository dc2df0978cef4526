import { ModelBroker } from '../model/broker.ts'
import type { Mutant } from './mutant.ts'

export function broker(make: (base: typeof ModelBroker) => typeof ModelBroker): Mutant['parts'] {
  const Broken = make(ModelBroker)
  return { broker: (node) => new Broken(node) }
}
