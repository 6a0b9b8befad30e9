import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { SQSClient } from '@aws-sdk/client-sqs';
import { outboxRelay, queueTarget, readRelayState } from '../../runtime/outbox/index.js';
import { Meter } from '../../runtime/dedup/meter.js';

export interface SweepOrder {
  readonly table: string;
  readonly queueUrl: string;
  readonly timeoutMs: number;
  readonly client: {
    endpoint: string;
    region: string;
    credentials: { accessKeyId: string; secretAccessKey: string };
  };
}

export interface SweepReport {
  readonly sent: number;
  /** How long the run took. */
  readonly ms: number;
  /** Most that was in use, in MB. */
  readonly heapMb: number;
  /** The scan has been through the whole table. */
  readonly finished: boolean;
}

/** One sweep of a relay in a process of its own. */
async function main({ table, queueUrl, timeoutMs, client }: SweepOrder): Promise<SweepReport> {
  const dynamodb = new DynamoDBClient(client);
  const sqs = new SQSClient({ ...client, useQueueUrlAsEndpoint: false });
  let [sent, most] = [0, 0];
  const relay = outboxRelay({
    ...{ table, retentionSeconds: 3600, graceSeconds: 60, dynamodb },
    targets: [queueTarget({ queueUrl, client: sqs })],
    observe: (summary) => void (sent += summary.sent),
    observeGauges: () => undefined,
  });
  const watch = setInterval(() => (most = Math.max(most, process.memoryUsage().heapUsed)), 20);
  const began = Date.now();
  await relay({}, { getRemainingTimeInMillis: () => began + timeoutMs - Date.now() });
  const ms = Date.now() - began;
  clearInterval(watch);
  const limits = { deadline: Infinity, meter: new Meter() };
  const { scan } = await readRelayState({ client: dynamodb, table, limits });
  return { sent, ms, heapMb: Math.round(most / 2 ** 20), finished: scan.finishedAt > 0 };
}

void main(JSON.parse(process.argv[2] ?? '') as SweepOrder).then((report) => {
  process.stdout.write(JSON.stringify(report));
  process.exit(0);
});
