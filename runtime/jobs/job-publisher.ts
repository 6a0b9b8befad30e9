import { randomUUID } from 'node:crypto';
import { InvalidSettings, KeyReused } from '../dedup/errors.js';
import type { Enqueuer } from '../dynamodb/publication.js';
import { rowVersion } from '../dynamodb/receipt.js';
import { table } from '../dynamodb/table.js';
import type { Transaction } from '../dynamodb/transaction.js';
import type { Outbox } from '../outbox/outbox.js';
import { jobEventType } from './job-event.js';
import { jobRowId, openJobsOf } from './dynamo-job-row.js';
import { isSilent, silentAfterMs, statusOf } from './job-row.js';
import type { JobQueueSettings } from './job-settings.js';
import { checkedJob, type JobToEnqueue } from './job-to-enqueue.js';

export interface JobPublisherOptions {
  /** What the construct tells whoever enqueues: `jobQueueSettings(process.env)`. */
  readonly settings: JobQueueSettings;
  /**
   * The outbox of the handler's other events, or one of its own. Its relay needs the queue as a target:
   * `jobQueue.relayTarget()`.
   */
  readonly outbox: Outbox;
}

/**
 * Enqueues jobs with the effects that want them: `await tx.enqueue(jobs, { jobId, payload })`.
 *
 * Guarantees: the job is enqueued exactly when the transaction is committed, once per id, however often the message
 * comes and whoever else enqueues it; `getJob` knows it from then on. The relay of the outbox sends it; until then it
 * waits, and counts as silent after 5 minutes. Does not guarantee: that a relay has a target for it. A transaction
 * that enqueues reads the job's row, so messages of a FIFO group are committed one after another.
 *
 * Costs half a read unit and 6 write units: 2 for the job's row, 2 for its place among those that are open, 2 for the
 * event; an id that was enqueued before costs the read and 2 write units.
 *
 * `tx.enqueue` throws KeyReused when the id was used for another payload; InvalidKey; InvalidJob for a delay or a
 * size out of range; UnserialisableValue for what JSON does not hold.
 *
 * @throws InvalidSettings when there are no settings or no outbox.
 */
export function jobPublisher({ settings, outbox }: JobPublisherOptions): Enqueuer<JobToEnqueue, Transaction> {
  const { consumerName, dedupTable, retentionSeconds } = settings;
  if (!dedupTable)
    throw new InvalidSettings(['dedupTable of the jobs is empty; is its environment variable set?']);
  const rows = table({ name: dedupTable, partitionKey: 'id' });

  return {
    async enqueueIn(tx, job) {
      const { jobId } = job;
      const { id } = rowOf(jobId);
      const checked = checkedJob(job, Date.now());
      const wanted = wantedBy(tx);
      const place = `${dedupTable}#${id}`;
      const earlier = wanted.get(place);
      if (earlier !== undefined) {
        if (earlier.fingerprint !== checked.fingerprint)
          throw new KeyReused(jobId, earlier.fingerprint, checked.fingerprint);
        return earlier.put;
      }
      const put = enqueueFirst(tx, job, checked);
      wanted.set(place, { fingerprint: checked.fingerprint, put });
      // What was not put into the transaction may be asked for once more.
      put.catch(() => wanted.delete(place));
      return put;
    },
  };

  function rowOf(jobId: string) {
    return { id: jobRowId(consumerName, jobId) };
  }

  async function enqueueFirst(
    tx: Transaction,
    { jobId, payload }: JobToEnqueue,
    { fingerprint, runAt }: ReturnType<typeof checkedJob>,
  ): Promise<void> {
    const now = Date.now();
    const key = rowOf(jobId);
    const found = await tx.get(rows, key, ['status', 'fingerprint', 'runAt', 'dueAt']);
    if (found !== undefined && found.fingerprint !== fingerprint)
      throw new KeyReused(jobId, String(found.fingerprint), fingerprint);
    if (found === undefined) tx.put(rows, { ...key, ...newRow(jobId, fingerprint, now, runAt) });
    else if (isLost(found)) tx.update(rows, key, { set: { dueAt: now } });
    else return;
    publish(tx, { jobId, payload }, key);
  }

  function newRow(jobId: string, fingerprint: string, now: number, runAt: number) {
    return {
      v: rowVersion,
      status: statusOf.queued,
      fence: randomUUID(),
      in_progress_expiration: 0,
      expiration: Math.floor(now / 1000) + retentionSeconds,
      attention: openJobsOf(consumerName, jobId),
      since: new Date(now).toISOString(),
      fingerprint,
      runAt,
      dueAt: runAt,
      sent: true,
    };
  }

  function publish(
    tx: Transaction,
    job: Omit<JobToEnqueue, 'delaySeconds'>,
    key: { readonly id: string },
  ): void {
    const { jobId } = job;
    const type = jobEventType(consumerName);
    // A stream of the job's own: what nobody but its queue is sent makes no gap to anybody.
    tx.publish(outbox, { aggregate: { table: rows, key, kind: type, name: jobId }, type, data: job });
  }
}

/** A job that a transaction has been asked to enqueue. */
interface Wanted {
  readonly fingerprint: string;
  /** Resolves when all that makes it a job is in the transaction. */
  readonly put: Promise<void>;
}

/** What transactions were asked for, by the jobs' rows: a read does not see what the same one is about to write. */
const wantedJobs = new WeakMap<Transaction, Map<string, Wanted>>();

function wantedBy(tx: Transaction): Map<string, Wanted> {
  const known = wantedJobs.get(tx) ?? new Map<string, Wanted>();
  wantedJobs.set(tx, known);
  return known;
}

/** Its message is late: it may be lost. One too many does no harm. */
function isLost({ status, runAt, dueAt }: Readonly<Record<string, unknown>>): boolean {
  return (
    status === statusOf.queued &&
    isSilent('queued', Math.max(Number(runAt ?? 0), Number(dueAt ?? 0)), silentAfterMs)
  );
}
