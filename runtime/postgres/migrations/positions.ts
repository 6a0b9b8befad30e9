import type { Migration } from './migration.js';

/**
 * Positions of streams, and what came before its turn. 40 digits, because SQS counts in 128 bits (R3). Neither
 * expires: a position that is gone would let a late copy act again (R14).
 */
export const positions: Migration = {
  version: 4,
  name: 'positions',
  sql: `
CREATE TABLE exactly_once.positions (
  consumer text COLLATE "C" NOT NULL,
  aggregate text COLLATE "C" NOT NULL,
  stream text COLLATE "C" NOT NULL,
  position numeric(40, 0) NOT NULL,
  stopped boolean NOT NULL,
  stopped_at numeric(40, 0),
  holes numeric(40, 0)[] NOT NULL,
  marks text,
  beyond numeric(40, 0),
  since bigint,
  listed boolean NOT NULL,
  token uuid NOT NULL,
  v smallint NOT NULL DEFAULT 1,
  PRIMARY KEY (consumer, aggregate, stream)
);
CREATE INDEX positions_listed ON exactly_once.positions (consumer, since) WHERE listed;
CREATE TABLE exactly_once.early_events (
  consumer text COLLATE "C" NOT NULL,
  aggregate text COLLATE "C" NOT NULL,
  stream text COLLATE "C" NOT NULL,
  place numeric(40, 0) NOT NULL,
  version numeric(40, 0) NOT NULL,
  previous numeric(40, 0),
  fingerprint text NOT NULL,
  carried text NOT NULL,
  near boolean NOT NULL,
  PRIMARY KEY (consumer, aggregate, stream, place, version)
);
`,
};
