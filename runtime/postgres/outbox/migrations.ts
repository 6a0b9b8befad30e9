import type { Migration } from '../migrations/migration.js';
import { laneCount, outboxNames, type OutboxNames } from './names.js';
import { outboxFunctions } from './functions-sql.js';
import { outboxTrigger } from './trigger-sql.js';

/**
 * The outbox's part of the schema. Each step runs in a transaction of its own, as the owner of the schema.
 *
 * @param schema @default 'exactly_once'
 */
export function outboxMigrations(schema?: string): Migration[] {
  const names = outboxNames(schema);
  return [
    { version: 10, name: 'outbox tables', sql: outboxTables(names) },
    { version: 11, name: 'outbox numbering', sql: outboxTrigger(names) },
    { version: 12, name: 'outbox partitions', sql: outboxFunctions(names) },
    { version: 13, name: 'outbox epoch', sql: outboxEpoch(names) },
  ];
}

/**
 * - `outbox`: events, a partition per day. Its columns `id`, `aggregatetype`, `aggregateid`, `type` and `payload` are
 *   those that Debezium's outbox event router reads. `payload` is text, not json: readers must not round its numbers.
 * Times are kept to the millisecond: whoever reads them, the event that is sent is the same to the letter.
 * - `outbox_streams`: the count of each aggregate, whose row a publishing transaction locks until it ends.
 * - `outbox_unsent`: what polling has to send, in a narrow table of its own: a mark in the event's row would copy the
 *   row. It is not in the publication.
 * - `outbox_stuck`: streams that a target refuses, with the next version of every target.
 * - `outbox_positions`: how far each slot was sent.
 *
 * What a relay writes is never in a row that a publisher locks: a transaction that stays open for minutes must not
 * hold up the marks of others (R35).
 *
 * @see https://debezium.io/documentation/reference/stable/transformations/outbox-event-router.html
 */
function outboxTables(names: OutboxNames): string {
  const { schema, events, streams, unsent, stuck, positions, control, publication } = names;
  return `
CREATE SCHEMA IF NOT EXISTS ${schema};
CREATE TABLE ${control} (
  one boolean PRIMARY KEY DEFAULT true CHECK (one),
  polled boolean NOT NULL DEFAULT true,
  notified boolean NOT NULL DEFAULT false
);
INSERT INTO ${control} DEFAULT VALUES;
CREATE SEQUENCE ${schema}.outbox_epoch START 1;
SELECT nextval('${schema}.outbox_epoch');
CREATE TABLE ${streams} (
  stream bigint GENERATED ALWAYS AS IDENTITY,
  source text NOT NULL,
  epoch text NOT NULL,
  aggregatetype text NOT NULL,
  aggregateid text NOT NULL,
  version bigint NOT NULL,
  types jsonb NOT NULL,
  before jsonb NOT NULL DEFAULT '{}',
  PRIMARY KEY (source, epoch, aggregatetype, aggregateid)
) WITH (fillfactor = 70);
CREATE TABLE ${events} (
  id text NOT NULL,
  aggregatetype text NOT NULL CHECK (aggregatetype <> '' AND aggregatetype !~ '/' AND octet_length(aggregatetype) <= 1024),
  aggregateid text NOT NULL CHECK (aggregateid <> '' AND octet_length(aggregateid) <= 1024),
  type text NOT NULL CHECK (type <> '' AND octet_length(type) <= 1024),
  payload text NOT NULL CHECK ((payload::json) IS NOT NULL),
  source text NOT NULL CHECK (source <> '' AND octet_length(source) <= 1024),
  epoch text NOT NULL,
  version bigint NOT NULL,
  stream bigint NOT NULL,
  created timestamptz(3) NOT NULL DEFAULT clock_timestamp(),
  occurred timestamptz(3),
  groupid text CHECK (groupid <> ''),
  types jsonb,
  v smallint NOT NULL DEFAULT 1,
  PRIMARY KEY (stream, version, created)
) PARTITION BY RANGE (created);
CREATE TABLE ${schema}.outbox_default PARTITION OF ${events} DEFAULT;
CREATE TABLE ${unsent} (
  lane smallint NOT NULL CHECK (lane BETWEEN 0 AND ${laneCount - 1}),
  position bigint GENERATED ALWAYS AS IDENTITY,
  stream bigint NOT NULL,
  version bigint NOT NULL,
  created timestamptz(3) NOT NULL,
  bytes integer NOT NULL,
  PRIMARY KEY (lane, position)
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 20000, autovacuum_vacuum_cost_delay = 0);
CREATE TABLE ${stuck} (
  stream bigint NOT NULL,
  target text NOT NULL,
  lane smallint NOT NULL,
  next bigint NOT NULL,
  seen bigint NOT NULL,
  oldest timestamptz NOT NULL,
  since timestamptz NOT NULL DEFAULT now(),
  attempts integer NOT NULL DEFAULT 0,
  retry_at timestamptz NOT NULL,
  error text,
  PRIMARY KEY (stream, target)
);
CREATE INDEX outbox_stuck_due ON ${stuck} (lane, retry_at);
CREATE TABLE ${positions} (
  slot text PRIMARY KEY,
  system_id text NOT NULL,
  timeline bigint NOT NULL,
  end_lsn pg_lsn NOT NULL,
  partial_lsn pg_lsn,
  partial_ordinal bigint NOT NULL DEFAULT 0,
  committed_at timestamptz NOT NULL,
  updated timestamptz NOT NULL DEFAULT now()
);
CREATE PUBLICATION ${publication} FOR TABLE ${events} WITH (publish = 'insert', publish_via_partition_root = true);
`;
}

/**
 * `nextval` writes a value into the log that is 32 ahead of the one it gives, which is the one that is there after a
 * crash or on a standby that takes over: the epoch would change by itself, and counts begin anew behind events that
 * are not sent yet. `setval` logs what it sets.
 *
 * @see https://www.postgresql.org/docs/current/sql-createsequence.html
 */
function outboxEpoch({ schema }: OutboxNames): string {
  return `
SELECT setval('${schema}.outbox_epoch', last_value) FROM ${schema}.outbox_epoch;
`;
}
