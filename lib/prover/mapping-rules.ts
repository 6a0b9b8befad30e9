import { concurrencyAtTheMapping } from '../guarantees/inequalities.js';
import { broken, type Detected } from './detected.js';
import { FindingLevel } from './finding.js';
import type { QueuePath } from './queue-path.js';
import { isList, type TemplateResource } from './template-resource.js';

/** What is wrong with how Lambda polls a queue. */
export function mappingFindings(path: QueuePath): (Detected | undefined)[] {
  return [...batches(path), ...scaling(path), ...pollers(path), filter(path)];
}

/** Several mappings of one queue take messages from each other. */
export function sharedQueues(paths: readonly QueuePath[]): Detected[] {
  return paths.flatMap(({ queue, mapping }) => {
    const others = paths.filter((other) => other.mapping !== mapping && other.queue === queue);
    const other = others.find((one) => polls(one.mapping));
    if (queue === undefined || other === undefined || !polls(mapping)) return [];
    return [
      {
        rule: 'one-consumer-per-channel',
        at: mapping,
        value: `'${other.mapping.path}' polls the queue, too`,
        allowed: 'one mapping of a queue',
        prevents: 'each function sees only some of the messages',
        change: 'send to a topic with one queue for each function',
      } as const,
    ];
  });
}

/** A mapping that is made switched off takes no messages. */
function polls(mapping: TemplateResource): boolean {
  return ![false, 'false'].includes(mapping.get('Enabled') as never);
}

function batches({ mapping, fifo, batchSize }: QueuePath): (Detected | undefined)[] {
  const window = mapping.amount(['MaximumBatchingWindowInSeconds'], 0) ?? 1;
  const size = batchSize ?? 1;
  const allowed = fifo === true ? 'at most 10 on FIFO' : 'at most 10, or 10,000 with a batching window';
  const tooMany = size > 10_000 || (size > 10 && (fifo === true || window === 0));
  return [
    tooMany
      ? {
          rule: 'batch-size-of-the-kind',
          at: mapping,
          value: `batchSize is ${size}`,
          allowed,
          prevents: 'Lambda refuses the mapping',
          change: 'lower `batchSize`',
        }
      : undefined,
    fifo === true && window > 0 && mapping.get('MaximumBatchingWindowInSeconds') !== undefined
      ? {
          rule: 'batching-window-is-standard',
          at: mapping,
          value: `the batching window is ${window} seconds`,
          allowed: 'none on FIFO',
          prevents: 'Lambda refuses the mapping',
          change: 'remove `maxBatchingWindow`',
        }
      : undefined,
    size > 1 &&
    !mapping.isOpen('FunctionResponseTypes') &&
    !mapping.texts('FunctionResponseTypes').includes('ReportBatchItemFailures')
      ? {
          rule: 'partial-batch-response',
          at: mapping,
          value: `a batch of ${size} succeeds or fails as a whole`,
          allowed: 'FunctionResponseTypes has ReportBatchItemFailures, or batchSize is 1',
          prevents: 'one failed message brings all others of its batch back, and they act again (doubled)',
          change: 'set `reportBatchItemFailures`, and return the failed ones from the handler',
        }
      : undefined,
  ];
}

function scaling({ mapping, function: consumer }: QueuePath): (Detected | undefined)[] {
  const concurrency = limitOf(mapping);
  const reserved = consumer?.amount(['ReservedConcurrentExecutions'], -1) ?? -1;
  const isOpen = mapping.isOpen('ScalingConfig', 'MaximumConcurrency');
  return [
    concurrency === undefined
      ? undefined
      : broken(mapping, concurrencyAtTheMapping(concurrency), 'change `maxConcurrency`, or leave it out'),
    consumer !== undefined &&
    reserved >= 0 &&
    !isOpen &&
    (concurrency === undefined || reserved < concurrency)
      ? throttled(consumer, mapping, reserved, concurrency)
      : undefined,
  ];
}

function throttled(
  at: TemplateResource,
  mapping: TemplateResource,
  reserved: number,
  concurrency: number | undefined,
): Detected {
  return {
    rule: 'pollers-are-not-throttled',
    at,
    // Below what the mapping is told to call, throttling is certain.
    level: concurrency === undefined ? FindingLevel.RISK : FindingLevel.BROKEN,
    value: `reserved concurrency is ${reserved}`,
    allowed:
      concurrency === undefined
        ? `none, or a MaximumConcurrency of '${mapping.path}' up to it`
        : `at least ${concurrency}, the MaximumConcurrency of '${mapping.path}'`,
    prevents: throttling,
    change: 'limit `maxConcurrency` of the event source instead',
  };
}

/** Undefined where there is no limit, or only the deployment knows it. */
function limitOf(mapping: TemplateResource): number | undefined {
  const limit = mapping.amount(['ScalingConfig', 'MaximumConcurrency'], -1);
  return limit === -1 ? undefined : limit;
}

/**
 * Several queues of one function share what it has reserved, so each of their limits may fit and all together not.
 *
 * @see https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html
 */
export function sharedReservations(paths: readonly QueuePath[]): Detected[] {
  return [...new Set(paths.map((path) => path.function))].flatMap((consumer) => {
    const reserved = consumer?.amount(['ReservedConcurrentExecutions'], -1) ?? -1;
    const mappings = paths
      .filter((path) => path.function === consumer && polls(path.mapping))
      .map(({ mapping }) => mapping);
    const limits = mappings.map(limitOf).filter((limit) => limit !== undefined);
    const needed = limits.reduce((sum, limit) => sum + limit, 0);
    if (consumer === undefined || reserved < 0 || limits.length < 2) return [];
    // One that does not fit by itself is said at its mapping.
    if (needed <= reserved || limits.some((limit) => limit > reserved)) return [];
    return [
      {
        rule: 'pollers-are-not-throttled',
        at: consumer,
        value: `reserved concurrency is ${reserved}`,
        allowed: `at least ${needed}, the MaximumConcurrency of ${mappings.map(({ path }) => `'${path}'`).join(' and ')} together`,
        prevents: throttling,
        change: 'limit `maxConcurrency` of the event sources instead',
      } as const,
    ];
  });
}

const throttling =
  'throttled polls count as receives and push healthy messages towards the dead-letter queue';

/** Provisioned mode and maximum concurrency are two branches: a mapping that has both is refused. */
function pollers({ mapping, fifo }: QueuePath): (Detected | undefined)[] {
  if (mapping.get('ProvisionedPollerConfig') === undefined) return [];
  const least = mapping.amount(['ProvisionedPollerConfig', 'MinimumPollers'], 2) ?? 2;
  const most = mapping.amount(['ProvisionedPollerConfig', 'MaximumPollers'], 200) ?? 200;
  return [
    limitOf(mapping) === undefined || mapping.isOpen('ProvisionedPollerConfig')
      ? undefined
      : {
          rule: 'provisioned-or-limited',
          at: mapping,
          value: 'both provisioned pollers and a maximum concurrency',
          allowed: 'one of them: they exclude each other',
          prevents: 'Lambda refuses the mapping',
          change: 'remove `maxConcurrency`, and limit `maximumPollers` (each makes up to 10 calls at once)',
        },
    least >= 2 && least <= 200 && most <= 10_000 && least <= most
      ? undefined
      : {
          rule: 'pollers-in-range',
          at: mapping,
          value: `${least} to ${most} pollers`,
          allowed: '2 to 200 at the least, up to 10,000 at the most',
          prevents: 'Lambda refuses the mapping',
          change: 'change `minimumPollers` and `maximumPollers`',
        },
    fifo === true
      ? {
          rule: 'pollers-of-fifo',
          at: mapping,
          value: 'provisioned pollers on a FIFO queue',
          allowed: 'what AWS states for Standard queues',
          prevents:
            'Lambda may refuse the mapping, or the pollers stay idle: a group has one batch at a time',
          change: 'try it, or use `maxConcurrency`',
        }
      : undefined,
  ];
}

function filter({ mapping }: QueuePath): Detected | undefined {
  const filters = mapping.get('FilterCriteria', 'Filters');
  if (filters === undefined || mapping.isOpen('FilterCriteria') || (isList(filters) && filters.length === 0))
    return undefined;
  return {
    rule: 'filtered-messages-are-deleted',
    at: mapping,
    value: 'the mapping has a filter',
    allowed: 'no filter, or messages that nobody needs',
    prevents: 'Lambda deletes what does not match, and no dead-letter queue gets it (lost)',
    change: 'filter at the topic or the bus, which leave the message to others',
  };
}
