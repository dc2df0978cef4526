/** Every case of the kit, in the order it is listed and run. A suite joins by its line here. */
import type { Case } from './case.ts'
import { valueCases } from './suites/storage/values.ts'

export const allCases: readonly Case[] = [...valueCases]
