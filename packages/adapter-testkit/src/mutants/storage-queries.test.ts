import { prove } from './prove.support.ts'

prove('storage-queries', 'lock', 'schedule-store')
