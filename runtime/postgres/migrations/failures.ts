import type { Migration } from './migration.js';

/** What is known of failures: histories of messages, groups that are stopped, and what waits behind them. */
export const failures: Migration = {
  version: 2,
  name: 'failures',
  sql: `
CREATE TABLE exactly_once.histories (
  consumer text COLLATE "C" NOT NULL,
  message_id text COLLATE "C" NOT NULL,
  excused integer NOT NULL DEFAULT 0,
  failed integer NOT NULL DEFAULT 0,
  alone integer NOT NULL DEFAULT 0,
  company integer NOT NULL DEFAULT 0,
  readable boolean NOT NULL DEFAULT false,
  parked boolean NOT NULL DEFAULT false,
  lettered boolean NOT NULL DEFAULT false,
  reason text,
  expires_at timestamptz NOT NULL,
  PRIMARY KEY (consumer, message_id)
);
CREATE INDEX histories_expires_at ON exactly_once.histories USING brin (expires_at);
CREATE TABLE exactly_once.groups (
  consumer text COLLATE "C" NOT NULL,
  stream text COLLATE "C" NOT NULL,
  state text NOT NULL,
  token uuid NOT NULL,
  v smallint NOT NULL DEFAULT 1,
  facts text NOT NULL,
  PRIMARY KEY (consumer, stream)
);
CREATE TABLE exactly_once.parked (
  consumer text COLLATE "C" NOT NULL,
  stream text COLLATE "C" NOT NULL,
  n bigint NOT NULL,
  record text NOT NULL,
  PRIMARY KEY (consumer, stream, n)
);
CREATE TABLE exactly_once.holes (
  consumer text COLLATE "C" NOT NULL,
  stream text COLLATE "C" NOT NULL,
  n bigint NOT NULL,
  facts text NOT NULL,
  expires_at timestamptz NOT NULL,
  PRIMARY KEY (consumer, stream, n)
);
`,
};
