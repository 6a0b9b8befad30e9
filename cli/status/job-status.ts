import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { listSilentJobs, type StuckJob } from '../../runtime/jobs/index.js';
import { collected } from '../collected.js';
import type { NotKnown } from '../permission.js';
import { asked } from './ask.js';
import { listed, patienceMs, unknown, type StatusLine } from './status-line.js';

/** What is to be said of the jobs of a consumer. */
export async function jobStatus(
  client: DynamoDBClient,
  tableName: string,
  of: string,
  notKnown: NotKnown,
): Promise<StatusLine> {
  const what = `silent jobs of '${of}'`;
  const found = await asked(notKnown, what, 'dynamodb:Query on the index attention', () =>
    collected(listSilentJobs({ client, tableName }, of, { silentAfterSeconds: patienceMs / 1000 })),
  );
  return jobLine(of, found);
}

/** The jobs of a consumer that have failed or fallen silent, wherever they are kept. */
export function jobLine(
  of: string,
  found: readonly StuckJob[] | undefined,
  mend = 'inspect; enqueue it again',
): StatusLine {
  const about = { of, what: 'silent jobs', mend, page: 'jobs.md' };
  if (found === undefined) return { ...about, ...unknown };
  return { ...about, ...listed(found.map(detail)), needsPerson: found.length > 0 };
}

const reasons: Readonly<Record<StuckJob['kind'], string>> = {
  failed: 'it has failed, and its message is among the dead letters',
  'not-begun': 'it has not begun: its message is late, or lost',
  'worker-silent': 'its worker has not been heard of since its lease was over',
};

function detail({ jobId, kind, since }: StuckJob) {
  return { what: `${jobId} (${kind})`, since: since.toISOString(), reason: reasons[kind] };
}
