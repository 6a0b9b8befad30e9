import { deliveries } from './deliveries.js';
import { failures } from './failures.js';
import { jobs } from './jobs.js';
import { leases } from './leases.js';
import type { Migration } from './migration.js';
import { positions } from './positions.js';
import { outboxMigrations } from '../outbox/migrations.js';
import { receipts } from './receipts.js';
import { starts } from './starts.js';
import { watermarks } from './watermarks.js';

export type { Migration } from './migration.js';

/** All steps, in their order. */
export const migrations: readonly Migration[] = [
  receipts,
  failures,
  leases,
  positions,
  deliveries,
  watermarks,
  jobs,
  starts,
  ...outboxMigrations(),
];
