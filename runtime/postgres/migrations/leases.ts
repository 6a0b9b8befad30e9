import type { Migration } from './migration.js';

/** Leases on effects that no transaction can hold. Times are epoch milliseconds of the owner's clock. */
export const leases: Migration = {
  version: 3,
  name: 'leases',
  sql: `
CREATE TABLE exactly_once.leases (
  id text COLLATE "C" PRIMARY KEY,
  status text NOT NULL,
  fence text NOT NULL,
  ends_at bigint NOT NULL,
  first_call_at bigint NOT NULL,
  args text,
  validation text,
  result text,
  lost text,
  reason text,
  attention text,
  since timestamptz,
  v smallint NOT NULL DEFAULT 1,
  expires_at timestamptz NOT NULL
);
CREATE INDEX leases_attention ON exactly_once.leases (attention, since) WHERE attention IS NOT NULL;
CREATE INDEX leases_expires_at ON exactly_once.leases USING brin (expires_at);
`,
};
