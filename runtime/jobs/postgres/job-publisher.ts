import { DependencyFailed, KeyReused } from '../../dedup/errors.js';
import type { PostgresOutbox } from '../../postgres/outbox/publish.js';
import { within } from '../../postgres/own-statement.js';
import type { SqlPort } from '../../postgres/sql-port.js';
import { jobEventType } from '../job-event.js';
import type { SharedJobSettings } from '../job-settings.js';
import { checkedJob, type JobToEnqueue } from '../job-to-enqueue.js';
import { insertJob, jobValues } from './insert-job.js';
import { readJobRow, readPostgresJob } from './job-row.js';

export interface PostgresJobPublisherOptions {
  readonly settings: Pick<SharedJobSettings, 'consumerName' | 'retentionSeconds'>;
  /**
   * The outbox of the transaction's other events, or one of its own: `postgresOutbox({ source })`. Its relay needs
   * the queue of the jobs as a target, with `types: [jobEventType(consumerName)]`; give the other targets types, too.
   */
  readonly outbox: PostgresOutbox;
}

export interface PostgresJobPublisher {
  /** @see {@link postgresJobPublisher} */
  enqueue(port: SqlPort, job: JobToEnqueue): Promise<void>;
}

/** Values: consumer, job, due at. */
const noteDue =
  'UPDATE exactly_once.jobs SET due_at = $3::bigint WHERE consumer = $1::text AND job_id = $2::text';

/**
 * Enqueues jobs in a transaction of yours, with the effects that want them.
 *
 * Guarantees: the job is enqueued exactly when the transaction is committed, once per id, however often it runs and
 * whoever else enqueues it; `getJob` knows it from then on. The relay of the outbox sends it; until then it waits,
 * and counts as silent after 5 minutes. Does not guarantee: that a relay has a target for it.
 *
 * Two transactions that enqueue one new job take turns: the later one waits for the earlier one's end. Under
 * `repeatable read` and `serializable` Postgres may then refuse it (SQLSTATE 40001): run the whole transaction again,
 * as `postgresConsumer` does. Two round trips.
 *
 * `enqueue` throws KeyReused when the id was used for another payload; InvalidKey; InvalidJob for a delay or a size
 * out of range; InvalidWrite for what the outbox does not take; UnserialisableValue for what JSON does not hold;
 * SchemaNotReady before `postgres migrate`. Roll
 * back then.
 */
export function postgresJobPublisher({
  settings: { consumerName, retentionSeconds },
  outbox,
}: PostgresJobPublisherOptions): PostgresJobPublisher {
  const type = jobEventType(consumerName);
  return {
    async enqueue(port, job) {
      const { jobId, payload } = job;
      const now = Date.now();
      const { fingerprint, runAt } = checkedJob(job, now);
      const draft = { consumerName, jobId, fingerprint, runAt, retentionSeconds };
      const made = await within(port, insertJob, jobValues({ ...draft, state: 'queued', sent: true }));
      if (made.rows.length === 0) {
        const [row] = (await within(port, readJobRow, [consumerName, jobId])).rows;
        if (row === undefined)
          throw new DependencyFailed('the job was pruned meanwhile; run the transaction again');
        const found = readPostgresJob(row);
        if (found.fingerprint !== fingerprint) throw new KeyReused(jobId, found.fingerprint, fingerprint);
        // Its message is late: it may be lost. One too many does no harm.
        if (found.state !== 'queued' || !found.silent) return;
        await within(port, noteDue, [consumerName, jobId, String(now)]);
      }
      // A stream of the job's own: what nobody but its queue is sent makes no gap to anybody.
      await outbox.publish(port, { aggregate: { kind: type, name: jobId }, type, data: { jobId, payload } });
    },
  };
}
