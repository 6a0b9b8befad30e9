import { part, type TemplateResource, type TemplateValue } from './template-resource.js';
import type { Templates } from './templates.js';

/** A queue, the function that Lambda polls it for, and what is known of both. */
export interface QueuePath {
  readonly mapping: TemplateResource;
  /** Absent where the app does not make it. */
  readonly queue?: TemplateResource;
  /** Absent where the app does not make it. */
  readonly function?: TemplateResource;
  readonly deadLetters?: TemplateResource;
  /** Undefined where it cannot be known. */
  readonly fifo?: boolean;
  /** Whether the function has the variables that the runtime of this library starts with. */
  readonly isProtected: boolean;
  /** Messages that one call gets at the most, undefined where only the deployment knows. */
  readonly batchSize?: number;
}

/** Lambda's and SQS's own defaults, in the units of the templates. */
export const defaults = { batchSize: 10, timeout: 3, visibilityTimeout: 30, retention: 345_600 } as const;

/** The mappings of SQS queues. Streams, Kafka and the others have properties that these have not. */
export function queuePaths(templates: Templates): QueuePath[] {
  return templates
    .of('AWS::Lambda::EventSourceMapping')
    .filter((mapping) => isOfQueue(mapping, templates))
    .map((mapping) => {
      const queue = templates.resolve(mapping.get('EventSourceArn'), mapping.template);
      const consumer = functionOf(mapping, templates);
      return {
        mapping,
        queue,
        function: consumer,
        deadLetters:
          queue && templates.resolve(queue.get('RedrivePolicy', 'deadLetterTargetArn'), queue.template),
        fifo: queue === undefined ? fifoByName(mapping.get('EventSourceArn')) : isFifo(queue),
        isProtected: consumer?.get('Environment', 'Variables', 'EXACTLY_ONCE_CONSUMER_NAME') !== undefined,
        batchSize: mapping.amount(['BatchSize'], defaults.batchSize),
      };
    });
}

/** The function behind a name, an ARN, a version or an alias. */
export function functionOf(mapping: TemplateResource, templates: Templates): TemplateResource | undefined {
  const target = templates.resolve(mapping.get('FunctionName'), mapping.template);
  if (target?.type !== 'AWS::Lambda::Alias' && target?.type !== 'AWS::Lambda::Version') return target;
  return templates.resolve(target.get('FunctionName'), target.template);
}

export function isFifo(queue: TemplateResource): boolean {
  return queue.isOn('FifoQueue');
}

function isOfQueue(mapping: TemplateResource, templates: Templates): boolean {
  const source = mapping.get('EventSourceArn');
  const resource = templates.resolve(source, mapping.template);
  if (resource !== undefined) return resource.type === 'AWS::SQS::Queue';
  return (
    JSON.stringify(source ?? '').includes(':sqs:') ||
    part(mapping.get('ScalingConfig'), 'MaximumConcurrency') !== undefined
  );
}

/** The name of a FIFO queue ends so, always. */
function fifoByName(arn: TemplateValue): boolean | undefined {
  return typeof arn === 'string' ? arn.endsWith('.fifo') : undefined;
}
