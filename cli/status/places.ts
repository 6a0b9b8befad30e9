import { assertConsumerName } from '../../runtime/dedup/identity.js';
import { CliError } from '../cli-error.js';
import { consumerIn } from '../deployed-function.js';
import { functionEnvironment, functionEnvironments, type Environment } from '../lambda-client.js';
import type { ConsumerPlace } from './consumer-status.js';

/** What status is about. */
export interface Places {
  readonly consumers: readonly ConsumerPlace[];
  /** Tables of outboxes. */
  readonly outboxes: readonly string[];
  /** Job queues: consumers whose jobs are looked at, by their table. */
  readonly jobs: ReadonlyMap<string, readonly string[]>;
}

interface ClientSettings {
  readonly region?: string;
  readonly endpoint?: string;
}

/**
 * What a deployed function is, or uses.
 *
 * @throws CliError when it is nothing of this library
 */
export async function placesOfFunction(name: string, client: ClientSettings): Promise<Places> {
  const environment = await functionEnvironment(name, client, '--consumer and --outbox');
  const places = placesIn([environment]);
  if (places.consumers.length + places.outboxes.length + places.jobs.size > 0) return places;
  throw new CliError(
    `function '${name}' has no EXACTLY_ONCE_ variables of a consumer, a relay or a producer of jobs: name one that a construct of this library made`,
  );
}

/**
 * What there is in the account and Region.
 *
 * @param prefix of the functions' names: CDK begins them with the stack's
 * @throws CliError when there is nothing
 */
export async function placesOfAll(prefix: string, client: ClientSettings): Promise<Places> {
  const environments: Environment[] = [];
  for await (const { environment } of functionEnvironments(prefix, client, '--consumer and --outbox'))
    environments.push(environment);
  const places = placesIn(environments);
  if (places.consumers.length + places.outboxes.length + places.jobs.size > 0) return places;
  const named = prefix === '' ? '' : ` whose name begins with '${prefix}'`;
  throw new CliError(
    `no function${named} of this account and Region is a consumer, a relay or a producer of jobs of this library: check --region and --prefix, or give --consumer or --outbox`,
  );
}

/** Each once, however many functions share it, in the order of their names: Lambda lists functions in none. */
function placesIn(environments: readonly Environment[]): Places {
  const consumers = new Map<string, ConsumerPlace>();
  const outboxes = new Set<string>();
  const jobs = new Map<string, Set<string>>();
  const add = (place: ConsumerPlace) => {
    const id = `${place.consumerName} ${place.dedupTable ?? ''}`;
    consumers.set(id, { ...consumers.get(id), ...place });
  };
  for (const environment of environments) {
    const { consumerName, dedupTable, queueUrl, deadLetterQueueUrl } = consumerIn(environment) ?? {};
    if (consumerName !== undefined) add({ consumerName, dedupTable, queueUrl, deadLetterQueueUrl });
    const {
      EXACTLY_ONCE_OUTBOX_TABLE: outbox,
      EXACTLY_ONCE_OUTBOX_TARGETS: targets,
      EXACTLY_ONCE_JOBS_CONSUMER_NAME: jobQueue,
      EXACTLY_ONCE_JOBS_DEDUP_TABLE: table,
      EXACTLY_ONCE_JOBS_QUEUE_URL: jobQueueUrl,
    } = environment;
    // Only relays have targets: a publisher may have a variable of its own for the table.
    if (outbox !== undefined && targets !== undefined) outboxes.add(outbox);
    if (jobQueue === undefined || table === undefined) continue;
    jobs.set(table, (jobs.get(table) ?? new Set()).add(jobQueue));
    // Its worker may be no function.
    add({ consumerName: jobQueue, dedupTable: table, ...(jobQueueUrl && { queueUrl: jobQueueUrl }) });
  }
  return {
    consumers: [...consumers].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, place]) => place),
    outboxes: [...outboxes].sort(),
    jobs: new Map(
      [...jobs].sort(([a], [b]) => (a < b ? -1 : 1)).map(([table, queues]) => [table, [...queues].sort()]),
    ),
  };
}

/** @throws InvalidSettings when it cannot be a consumer's name */
export function placesByHand(
  consumer: ConsumerPlace | undefined,
  outbox: string | undefined,
  jobs: boolean,
): Places {
  if (consumer !== undefined) assertConsumerName(consumer.consumerName);
  const table = consumer?.dedupTable;
  return {
    consumers: consumer === undefined ? [] : [consumer],
    outboxes: outbox === undefined ? [] : [outbox],
    jobs: new Map(
      jobs && consumer !== undefined && table !== undefined ? [[table, [consumer.consumerName]]] : [],
    ),
  };
}
