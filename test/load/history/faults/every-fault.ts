/** Every fault that histories are checked under. */

import type { Fault } from '../stage.ts'
import { FAILOVER_FAULTS } from './failovers.ts'
import { LMDB_FAULTS } from './on-lmdb.ts'
import { REDIS_FAULTS } from './on-redis.ts'

export const FAULTS: readonly Fault[] = [...LMDB_FAULTS, ...REDIS_FAULTS, ...FAILOVER_FAULTS]
