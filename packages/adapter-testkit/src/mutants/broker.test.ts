import { prove } from './prove.support.ts'

prove('broker-claims', 'broker-leases', 'time')
