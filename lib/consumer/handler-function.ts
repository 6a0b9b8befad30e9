import { existsSync } from 'node:fs';
import { isAbsolute } from 'node:path';
import { Duration, Validations } from 'aws-cdk-lib';
import { Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { Architecture, Function as LambdaFunction, Runtime } from 'aws-cdk-lib/aws-lambda';
import { LogGroup, RetentionDays } from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';
import { InvalidProps } from '../guarantees/invalid-props.js';
import { handlerCode } from './handler-code.js';

export interface HandlerFunctionProps {
  /** Absolute path of the TypeScript or JavaScript file that exports `handler`. */
  readonly entry: string;

  /**
   * Longest run of one invocation.
   *
   * @default Duration.seconds(30)
   */
  readonly timeout?: Duration;

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
    this.logGroup = new LogGroup(this, 'Logs', { retention: props.logRetention ?? RetentionDays.ONE_MONTH });
    // With a role of its own, CDK does not attach AWSLambdaBasicExecutionRole, which may write to every log group.
    this.role = new Role(this, 'Role', { assumedBy: new ServicePrincipal('lambda.amazonaws.com') });
    this.logGroup.grantWrite(this.role);
    this.function = new LambdaFunction(this, 'Resource', {
      code: handlerCode(entry),
      handler: 'index.handler',
      runtime: Runtime.NODEJS_24_X,
      architecture: props.architecture ?? Architecture.ARM_64,
      timeout: props.timeout ?? Duration.seconds(30),
      memorySize: props.memorySize ?? 256,
      environment: props.environment,
      role: this.role,
      logGroup: this.logGroup,
    });
    Validations.of(this.function).acknowledge(
      {
        id: 'Serverless-LambdaDLQ',
        reason:
          'It is for asynchronous calls only. This function is called synchronously, and a queue has its own dead letters.',
      },
      {
        id: 'Serverless-LambdaTracing',
        reason:
          'Traces are samples. What became of each single message is in its receipt, its dead letter and the log line of its batch.',
      },
    );
  }
}
