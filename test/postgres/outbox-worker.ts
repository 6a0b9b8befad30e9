import { appendFileSync } from 'node:fs';
import { Pool } from 'pg';
import { armCrashPoints, type CrashPoint } from '../../runtime/dedup/crash-points.js';
import type { RelayedEvent } from '../../runtime/outbox/index.js';
import type { RelayTarget } from '../../runtime/outbox/targets/target.js';
import { CdcRelay, PollingRelay } from '../../runtime/postgres/outbox/index.js';

export interface WorkerOptions {
  readonly url: string;
  readonly relay: 'polling' | 'cdc';
  readonly slot: string;
  /** File to which what is accepted is appended, an event a line. */
  readonly journal: string;
  /** Where to die, and how often to pass there before. */
  readonly dieAt?: { readonly point: CrashPoint; readonly after: number };
}

/** A relay in a process of its own, which dies as by an out-of-memory killer. */
const { url, relay, slot, journal, dieAt } = JSON.parse(process.argv[2] ?? '') as WorkerOptions;
const pool = new Pool({ connectionString: url, max: 6 });
pool.on('error', () => undefined);

let left = dieAt?.after ?? 0;
armCrashPoints((point) => {
  if (point === dieAt?.point && left-- === 0) process.kill(process.pid, 'SIGKILL');
});

const target: RelayTarget = {
  name: 'journal',
  call: { events: 100, bytes: Infinity, sizeOf: () => 0 },
  async send(events: readonly RelayedEvent[]) {
    appendFileSync(journal, events.map(({ event }) => `${event}\n`).join(''));
    return Promise.resolve(new Map());
  },
};

const options = { pool, targets: [target], retentionDays: 7 };
if (relay === 'polling') void new PollingRelay({ ...options, pollMs: 20, batchEvents: 200 }).start();
else
  new CdcRelay({
    ...options,
    ...{ connection: { connectionString: url }, slot, batchEvents: 200, heartbeatMs: 1_000 },
    observe: ({ error, resend }) => {
      if (error instanceof Error) process.stderr.write(`${error.message}\n`);
      if (resend !== undefined) process.stdout.write(`resend ${resend}\n`);
    },
  }).start();
