import type { Migration } from './migration.js';

/**
 * The latest state that was taken of each entity: a number or a text, compared as its bytes. They do not expire: an
 * old state may come at any time (R41).
 */
export const watermarks: Migration = {
  version: 6,
  name: 'watermarks',
  sql: `
CREATE TABLE exactly_once.watermarks (
  consumer text COLLATE "C" NOT NULL,
  id text COLLATE "C" NOT NULL,
  number numeric,
  text text COLLATE "C",
  v smallint NOT NULL DEFAULT 1,
  PRIMARY KEY (consumer, id)
) WITH (fillfactor = 90);
`,
};
