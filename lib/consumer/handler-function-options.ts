import type { ISecurityGroup, IVpc, SubnetSelection } from 'aws-cdk-lib/aws-ec2';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import type { ApplicationLogLevel, ILayerVersion, Runtime, Tracing } from 'aws-cdk-lib/aws-lambda';

/**
 * What else a function that is built from an entry file can be given, but for the key of its logs: constructs that
 * have more than logs to encrypt say themselves what their key is for.
 */
export interface BaseFunctionOptions {
  /**
   * What the function does, for the console.
   *
   * @default - none
   */
  readonly description?: string;

  /**
   * Node.js runtime, 22 or later. Handlers are bundled for Node.js 24: a syntax that 22 lacks would not load.
   *
   * @default Runtime.NODEJS_24_X
   */
  readonly runtime?: Runtime;

  /**
   * X-Ray traces.
   *
   * @default Tracing.DISABLED
   */
  readonly tracing?: Tracing;

  /**
   * The least urgent lines of the function that are kept: TRACE, DEBUG or INFO. It makes the function's log JSON, and
   * Lambda tells the level to loggers such as Powertools' by `AWS_LAMBDA_LOG_LEVEL`. Above INFO it is refused: the
   * lines that metrics and alarms are made of are INFO to Lambda.
   *
   * @see https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs-log-level.html
   * @default - text, and all of it
   */
  readonly applicationLogLevel?: ApplicationLogLevel;

  /**
   * Layers, such as an extension that ships logs. The handler is bundled with all that it imports.
   *
   * @default - none
   */
  readonly layers?: ILayerVersion[];

  /**
   * The network that the function runs in. It needs a way to SQS and DynamoDB: interface and gateway endpoints, or
   * NAT. One without looks like an outage of both, and everything waits.
   *
   * @see https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc.html
   * @default - Lambda's own
   */
  readonly vpc?: IVpc;

  /**
   * Subnets of the network.
   *
   * @default - private ones with a way out
   */
  readonly vpcSubnets?: SubnetSelection;

  /**
   * Security groups of the function.
   *
   * @default - a new one that lets everything out
   */
  readonly securityGroups?: ISecurityGroup[];
}

/** What else a function that is built from an entry file can be given. */
export interface HandlerFunctionOptions extends BaseFunctionOptions {
  /**
   * Key of yours for the logs of the function. Tables and queues have props of the same name.
   *
   * Its policy must let CloudWatch Logs use it; that of a `Key` of the same app is given the statement.
   *
   * @default - a key of AWS
   */
  readonly encryptionKey?: IKey;
}

/** Of a construct's props, those that its function is built with. */
export function handlerFunctionOptions(props: HandlerFunctionOptions): HandlerFunctionOptions {
  const { description, runtime, tracing, applicationLogLevel, layers } = props;
  const { vpc, vpcSubnets, securityGroups, encryptionKey } = props;
  const network = { vpc, vpcSubnets, securityGroups };
  return { description, runtime, tracing, applicationLogLevel, layers, ...network, encryptionKey };
}
