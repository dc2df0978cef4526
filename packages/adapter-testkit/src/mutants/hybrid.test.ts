import { prove } from './prove.support.ts'

prove('hybrid')
