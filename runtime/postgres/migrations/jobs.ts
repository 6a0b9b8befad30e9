import type { Migration } from './migration.js';

/**
 * Rows of jobs. Times are epoch milliseconds of the machine that says them. Whether a job is done is not in its row:
 * its receipt says so, which is committed with its effects. A row that every heartbeat changes must not be written by
 * a transaction that stays open.
 *
 * Half of each page is free, so that a heartbeat changes its row in place: nothing that it writes is in an index.
 */
export const jobs: Migration = {
  version: 7,
  name: 'jobs',
  sql: `
CREATE TABLE exactly_once.jobs (
  consumer text COLLATE "C" NOT NULL,
  job_id text COLLATE "C" NOT NULL,
  receipt text COLLATE "C" NOT NULL,
  status text NOT NULL,
  fence text NOT NULL,
  fingerprint text NOT NULL,
  run_at bigint NOT NULL,
  due_at bigint NOT NULL DEFAULT 0,
  ends_at bigint NOT NULL DEFAULT 0,
  failures integer NOT NULL DEFAULT 0,
  sent boolean NOT NULL DEFAULT false,
  cancel_requested boolean NOT NULL DEFAULT false,
  claimed_for text,
  gave_up text,
  reason text,
  progress text,
  v smallint NOT NULL DEFAULT 1,
  expires_at timestamptz NOT NULL,
  PRIMARY KEY (consumer, job_id)
) WITH (fillfactor = 50);
CREATE INDEX jobs_open ON exactly_once.jobs (consumer) WHERE status IN ('QUEUED', 'INPROGRESS', 'FAILED');
CREATE INDEX jobs_expires_at ON exactly_once.jobs USING brin (expires_at);
`,
};
