import { Duration } from 'aws-cdk-lib';
import { durationText } from '../guarantees/duration-text.js';
import { horizon } from '../guarantees/horizon.js';
import { receiptsOutlive } from '../guarantees/inequalities.js';
import { broken, type Detected } from './detected.js';
import { FindingLevel } from './finding.js';
import { defaults, type QueuePath } from './queue-path.js';
import { isList, type TemplateResource } from './template-resource.js';
import type { Templates } from './templates.js';

/**
 * How a function recognises a message that comes again. Templates hold no code, so of a function that does not run on
 * this library most is unknown: what is said is what its memory has to outlive.
 */
export function identityFindings(path: QueuePath, templates: Templates): (Detected | undefined)[] {
  const { function: consumer } = path;
  if (consumer === undefined) return [];
  const tables = templates
    .referredTo(consumer.get('Environment', 'Variables'), consumer.template)
    .filter(({ type }) => type === 'AWS::DynamoDB::Table' || type === 'AWS::DynamoDB::GlobalTable');
  const until = shortestHorizon(path);
  return [
    ...tables.map(replicated),
    ...(path.isProtected ? [receipts(consumer, until)] : [commits(consumer, tables, until)]),
  ];
}

/** A lower bound: the producer never sends again, and nobody redrives. */
function shortestHorizon({ queue, deadLetters }: QueuePath): Duration | undefined {
  const queueRetention = queue?.amount(['MessageRetentionPeriod'], defaults.retention);
  const deadLetterRetention =
    deadLetters === undefined ? 0 : deadLetters.amount(['MessageRetentionPeriod'], defaults.retention);
  if (queueRetention === undefined || deadLetterRetention === undefined) return undefined;
  return horizon({
    producerRetryHorizon: Duration.seconds(0),
    maxRedrives: 0,
    queueRetention: Duration.seconds(queueRetention),
    deadLetterRetention: Duration.seconds(deadLetterRetention),
  });
}

function receipts(consumer: TemplateResource, until: Duration | undefined): Detected | undefined {
  const seconds = consumer.amount(['Environment', 'Variables', 'EXACTLY_ONCE_RECEIPT_RETENTION_SECONDS'], -1);
  if (until === undefined || seconds === undefined || seconds < 0) return undefined;
  return broken(consumer, receiptsOutlive(Duration.seconds(seconds), until), 'raise `receiptRetention`');
}

function commits(
  at: TemplateResource,
  tables: readonly TemplateResource[],
  until: Duration | undefined,
): Detected {
  const span =
    until === undefined ? 'the retentions of queue and dead-letter queue together' : durationText(until);
  const expiring = tables.find(
    (table) => table.get('TimeToLiveSpecification', 'AttributeName') !== undefined,
  );
  if (expiring !== undefined)
    return {
      rule: 'receipts-outlive-the-horizon',
      level: FindingLevel.UNKNOWN,
      at,
      value: `rows of '${expiring.path}' expire, the code says after how long`,
      allowed: `at least ${span}, and as much again for each redrive`,
      prevents: 'a copy arrives after its receipt has expired (doubled)',
      change: 'look at the code: `expiresAfterSeconds` of Powertools is an hour unless set',
    };
  return {
    rule: 'identity-is-committed',
    at,
    value: 'the templates do not say how a message is recognised when it comes again',
    allowed: `one transaction of receipt and effects, with receipts for at least ${span}; or effects that may come twice`,
    prevents: 'Lambda delivers at least once, also from FIFO: the effects come twice after a crash (doubled)',
    change: 'look at the code; `IdempotentConsumer` commits both in one step',
  };
}

function replicated(table: TemplateResource): Detected | undefined {
  const replicas = table.get('Replicas');
  if (!isList(replicas) || replicas.length < 2) return undefined;
  return {
    rule: 'receipts-in-one-region',
    at: table,
    value: `the table has ${replicas.length} replicas`,
    allowed: 'writers in one Region',
    prevents: 'replicas follow after the commit: two Regions both accept a message (doubled)',
    change: 'consume in one Region, or use a table of its own for receipts',
  };
}
