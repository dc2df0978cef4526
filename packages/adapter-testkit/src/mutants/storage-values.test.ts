import { prove } from './prove.support.ts'

prove('storage-values', 'storage-keys')
