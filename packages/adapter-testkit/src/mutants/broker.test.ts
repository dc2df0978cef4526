import { prove } from './prove.support.ts'

prove('broker-order', 'broker-claims', 'broker-publish', 'broker-leases', 'broker-waiting', 'time')
