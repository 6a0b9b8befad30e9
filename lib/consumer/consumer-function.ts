import { Duration } from 'aws-cdk-lib';
import { Architecture, CfnFunction, type IFunction } from 'aws-cdk-lib/aws-lambda';
import { durationText } from '../guarantees/duration-text.js';
import { isKnown } from '../guarantees/inequality.js';
import { nameText } from '../guarantees/name-text.js';
import type { Unproven } from '../guarantees/unproven.js';
import type { IdempotentConsumerProps } from './idempotent-consumer-props.js';

/** What the function of a consumer is set to. */
export interface FunctionSettings {
  readonly timeout: Duration;
  readonly memoryMegabytes: number;
  readonly arm: boolean;
}

/** What only a function that this app makes can do and tell. */
export interface OwnFunction extends IFunction {
  readonly timeout?: Duration;
  addEnvironment(name: string, value: string): unknown;
}

/**
 * The function as this app makes it: environment variables can be added, and its settings read. Undefined for an
 * imported one, a version or an alias.
 */
export function madeHere(handler: IFunction | undefined): OwnFunction | undefined {
  return CfnFunction.isCfnFunction(handler?.node.defaultChild) ? (handler as OwnFunction) : undefined;
}

export function functionSettings(props: IdempotentConsumerProps): FunctionSettings {
  const { handler, channel } = props;
  const own = madeHere(handler);
  if (own !== undefined)
    return {
      // Lambda's defaults are 3 seconds and 128 MB.
      timeout: own.timeout ?? Duration.seconds(3),
      memoryMegabytes: (own.node.defaultChild as CfnFunction).memorySize ?? 128,
      arm: own.architecture.name === Architecture.ARM_64.name,
    };
  return {
    timeout: props.timeout ?? channel.consumerTimeout,
    memoryMegabytes: props.memorySize ?? 256,
    arm: (props.architecture ?? Architecture.ARM_64).name === Architecture.ARM_64.name,
  };
}

/** What has to be so of a function that this app does not make. */
export function foreignFunction(
  handler: IFunction,
  timeout: Duration,
  environment: Readonly<Record<string, string>>,
  mayWork: boolean,
): Unproven[] {
  const name = nameText(handler, handler.functionName);
  const configuration = `\`aws lambda get-function-configuration --function-name <name of ${name}>\``;
  return [
    {
      id: 'function-timeout',
      required: `${name} has a timeout of at most ${isKnown(timeout) ? durationText(timeout) : 'what the deployment gives'}`,
      check: `Timeout in ${configuration}`,
    },
    {
      id: 'function-environment',
      required: `${name} has ${Object.entries(environment)
        .map(([variable, value]) => `${variable}=${value}`)
        .join(', ')}`,
      check: `Environment in ${configuration}`,
    },
    {
      id: 'function-runtime',
      required: `the handler of ${name} is made by \`exactly-once-aws/consumer\``,
      check: 'its source',
    },
    {
      id: 'function-is-not-throttled',
      required: `${name} has no reserved concurrency: throttled polls count as receives`,
      check: `\`aws lambda get-function-concurrency --function-name <name of ${name}>\``,
    },
    ...(mayWork
      ? []
      : [
          {
            id: 'function-permissions',
            required: `the role of ${name} may receive from the queue, send to the dead-letter queue and write receipts`,
            check: 'the policies of its role; an import that names its `role` gets them from this app',
          },
        ]),
  ];
}
