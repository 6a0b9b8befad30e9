import { sourceKind } from './mapping-source.js';
import { isObject, part, type TemplateResource, type TemplateValue } from './template-resource.js';
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
    .filter((mapping) => sourceKind(mapping, templates) === 'queue')
    .map((mapping) => {
      const queue = queueAt(mapping.get('EventSourceArn'), mapping, templates);
      const consumer = functionOf(mapping, templates);
      return {
        mapping,
        queue,
        function: consumer,
        deadLetters: queue && queueAt(queue.get('RedrivePolicy', 'deadLetterTargetArn'), queue, templates),
        fifo: queue === undefined ? fifoByName(mapping.get('EventSourceArn')) : isFifo(queue),
        isProtected:
          part(consumer?.get('Environment', 'Variables'), 'EXACTLY_ONCE_CONSUMER_NAME') !== undefined,
        batchSize: mapping.amount(['BatchSize'], defaults.batchSize),
      };
    });
}

/** The function behind a name, an ARN, a version or an alias. */
export function functionOf(mapping: TemplateResource, templates: Templates): TemplateResource | undefined {
  const target = named(mapping.get('FunctionName'), mapping, templates);
  const isQualified = target?.type === 'AWS::Lambda::Alias' || target?.type === 'AWS::Lambda::Version';
  const made = isQualified ? named(target.get('FunctionName'), target, templates) : target;
  return made?.type === 'AWS::Lambda::Function' ? made : undefined;
}

/** CDK names an alias by joining the function's name, cut out of the alias's ARN, with the alias's own. */
function named(
  value: TemplateValue,
  { template }: TemplateResource,
  templates: Templates,
): TemplateResource | undefined {
  if (!isObject(value) || value['Fn::Join'] === undefined) return templates.resolve(value, template);
  const [one, ...others] = new Set(templates.referredTo(value, template));
  return others.length === 0 ? one : undefined;
}

function queueAt(
  value: TemplateValue,
  { template }: TemplateResource,
  templates: Templates,
): TemplateResource | undefined {
  const resource = templates.resolve(value, template);
  return resource?.type === 'AWS::SQS::Queue' ? resource : undefined;
}

export function isFifo(queue: TemplateResource): boolean {
  return queue.isOn('FifoQueue');
}

/** The name of a FIFO queue ends so, always. */
function fifoByName(arn: TemplateValue): boolean | undefined {
  return typeof arn === 'string' ? arn.endsWith('.fifo') : undefined;
}
