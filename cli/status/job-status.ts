import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { lateJobs, type LateJob } from '../../runtime/jobs/late-jobs.js';
import type { NotKnown } from '../permission.js';
import { asked } from './ask.js';
import { listed, patienceMs, unknown, type StatusLine } from './status-line.js';

/** Rows of a table that are looked at for jobs. */
const mostRows = 200_000;

/**
 * What is to be said of the jobs of these consumers, which share a table.
 *
 * @param consumers names of job queues
 */
export async function jobStatus(
  client: DynamoDBClient,
  tableName: string,
  consumers: readonly string[],
  notKnown: NotKnown,
): Promise<StatusLine[]> {
  const what = `silent jobs in '${tableName}'`;
  const found = await asked(notKnown, what, 'dynamodb:Scan', () =>
    lateJobs({ client, tableName }, { lateAfterMs: patienceMs, mostRows }),
  );
  if (found?.whole === false)
    notKnown.say(what, `only ${mostRows} rows were looked at; ask for a job by its id`);
  return consumers.map((of) => {
    const about = { of, what: 'silent jobs', mend: 'inspect; enqueue it again', page: 'jobs.md' };
    if (found === undefined) return { ...about, ...unknown };
    const own = found.jobs.filter(({ consumerName }) => consumerName === of).map(detail);
    return { ...about, ...listed(own), needsPerson: own.length > 0 || !found.whole };
  });
}

function detail({ job, since }: LateJob) {
  const reason =
    job.state === 'running'
      ? 'its worker has not been heard of since its lease was over'
      : 'it has not begun: its message is late, or lost';
  return { what: `${job.jobId} (${job.state})`, since, reason };
}
