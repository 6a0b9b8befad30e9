import type { Migration } from './migration.js';

/** Which lone start of a message was counted last: sent again after a lost answer, it is the same one. */
export const starts: Migration = {
  version: 8,
  name: 'starts',
  sql: 'ALTER TABLE exactly_once.histories ADD COLUMN start uuid;',
};
