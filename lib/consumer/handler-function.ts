import { existsSync } from 'node:fs';
import { isAbsolute } from 'node:path';
import { Duration, Validations } from 'aws-cdk-lib';
import { PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import {
  ApplicationLogLevel,
  Architecture,
  Function as LambdaFunction,
  LoggingFormat,
  Runtime,
  RuntimeFamily,
  Tracing,
} from 'aws-cdk-lib/aws-lambda';
import type { LogGroup, RetentionDays } from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';
import { InvalidProps } from '../guarantees/invalid-props.js';
import { rememberTold } from '../guarantees/told-functions.js';
import { entryViolations, handlerCode } from './handler-code.js';
import { handlerFunctionOptions, type HandlerFunctionOptions } from './handler-function-options.js';
import { warnOfNotInstalled } from './not-installed.js';
import { logGroup } from './log-group.js';

/** Levels at which a line without one, which Lambda takes for INFO, is kept. */
const keepsOurLines: ReadonlySet<string> = new Set([
  ApplicationLogLevel.TRACE,
  ApplicationLogLevel.DEBUG,
  ApplicationLogLevel.INFO,
]);

/** What a function that is built from an entry file runs on and with, whatever its entry and its timeout. */
export interface HandlerFunctionResources extends HandlerFunctionOptions {
  /**
   * Memory in MB. CPU grows with it.
   *
   * @default 256
   */
  readonly memorySize?: number;

  /**
   * Processor of the function.
   *
   * @default Architecture.ARM_64
   */
  readonly architecture?: Architecture;

  /**
   * Environment variables.
   *
   * @default - none
   */
  readonly environment?: { [key: string]: string };

  /**
   * How long logs are kept.
   *
   * @default RetentionDays.ONE_MONTH
   */
  readonly logRetention?: RetentionDays;
}

export interface HandlerFunctionProps extends HandlerFunctionResources {
  /** Absolute path of the TypeScript or JavaScript file that exports `handler`. */
  readonly entry: string;

  /**
   * Longest run of one invocation.
   *
   * @default Duration.seconds(30)
   */
  readonly timeout?: Duration;
}

/**
 * A Lambda function built from an entry file, as every function of this package is built. For synchronous callers: an
 * API or the mapping of a queue. It has no dead-letter target for asynchronous calls.
 *
 * Defaults imposed: Node.js 24, ES modules in chunks with the AWS SDK inside (the version that was tested is the
 * version that runs; what is loaded at start is what every message needs), not minified (stack traces stay readable),
 * a log group of its own, a role that may write to that log group and nothing else.
 */
export class HandlerFunction extends Construct {
  public readonly function: LambdaFunction;
  public readonly logGroup: LogGroup;
  public readonly role: Role;

  constructor(scope: Construct, id: string, props: HandlerFunctionProps) {
    super(scope, id);
    const { entry } = props;
    if (!isAbsolute(entry) || !existsSync(entry))
      throw new InvalidProps('HandlerFunction', this.node.path, [
        {
          id: 'handler-entry',
          given: `\`entry\` is '${entry}'`,
          allowed: 'the absolute path of a file that is there',
          change: "give `join(__dirname, 'handler.ts')`",
        },
      ]);
    const { applicationLogLevel, ...options } = handlerFunctionOptions(props);
    const { runtime = Runtime.NODEJS_24_X, tracing = Tracing.DISABLED, vpc } = options;
    if (runtime.family !== RuntimeFamily.NODEJS || Number(/\d+/.exec(runtime.name)?.[0] ?? 24) < 22)
      throw new InvalidProps('HandlerFunction', this.node.path, [
        {
          id: 'handler-runtime',
          given: `\`runtime\` is ${runtime.name}`,
          allowed: 'Node.js 22 or later',
          change: 'leave `runtime` out, or give Runtime.NODEJS_24_X',
        },
      ]);
    if (applicationLogLevel !== undefined && !keepsOurLines.has(applicationLogLevel))
      throw new InvalidProps('HandlerFunction', this.node.path, [
        {
          id: 'handler-log-level',
          given: `\`applicationLogLevel\` is ${applicationLogLevel}`,
          allowed: 'TRACE, DEBUG or INFO: Lambda would drop the lines that metrics and alarms are made of',
          change: 'give ApplicationLogLevel.INFO, and set the level of your own logger in its options',
        },
      ]);
    this.logGroup = logGroup(this, 'Logs', props);
    // With a role of its own, CDK does not attach AWSLambdaBasicExecutionRole, which may write to every log group.
    this.role = new Role(this, 'Role', { assumedBy: new ServicePrincipal('lambda.amazonaws.com') });
    this.logGroup.grantWrite(this.role);
    if (vpc !== undefined) this.letIntoVpc();
    this.function = new LambdaFunction(this, 'Resource', {
      ...options,
      ...(applicationLogLevel !== undefined && {
        applicationLogLevelV2: applicationLogLevel,
        loggingFormat: LoggingFormat.JSON,
      }),
      code: handlerCode(entry),
      handler: 'index.handler',
      runtime,
      architecture: props.architecture ?? Architecture.ARM_64,
      timeout: props.timeout ?? Duration.seconds(30),
      memorySize: props.memorySize ?? 256,
      environment: props.environment,
      role: this.role,
      logGroup: this.logGroup,
    });
    rememberTold(this.function, props.environment ?? {}, this);
    const violations = entryViolations(entry);
    if (violations.length > 0) throw new InvalidProps('HandlerFunction', this.node.path, violations);
    warnOfNotInstalled(this, entry);
    Validations.of(this.function).acknowledge({
      id: 'Serverless-LambdaDLQ',
      reason:
        'It is for asynchronous calls only. This function is called synchronously, and a queue has its own dead letters.',
    });
    if (tracing === Tracing.DISABLED)
      Validations.of(this.function).acknowledge({
        id: 'Serverless-LambdaTracing',
        reason:
          'Traces are samples. What became of each single message is in its receipt, its dead letter and the log line of its batch.',
      });
  }

  /**
   * What AWSLambdaVPCAccessExecutionRole allows, less its log groups.
   *
   * @see https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc.html#configuration-vpc-permissions
   */
  private letIntoVpc(): void {
    this.role.addToPolicy(
      new PolicyStatement({
        actions: [
          'ec2:CreateNetworkInterface',
          'ec2:DescribeNetworkInterfaces',
          'ec2:DescribeSubnets',
          'ec2:DeleteNetworkInterface',
          'ec2:AssignPrivateIpAddresses',
          'ec2:UnassignPrivateIpAddresses',
        ],
        resources: ['*'],
      }),
    );
    Validations.of(this.role).acknowledge({
      id: 'AwsSolutions-IAM5[Resource::*]',
      reason: 'Lambda makes network interfaces of its own, whose names are not known.',
    });
  }
}
