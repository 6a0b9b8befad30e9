import { Duration, Validations } from 'aws-cdk-lib';
import { Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { Architecture, type Function as LambdaFunction, Runtime } from 'aws-cdk-lib/aws-lambda';
import { LogLevel, NodejsFunction, OutputFormat } from 'aws-cdk-lib/aws-lambda-nodejs';
import { LogGroup, RetentionDays } from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';

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
 * A Lambda function built from an entry file, as every function of this package is built. For synchronous callers: an API or the
 * mapping of a queue. It has no dead-letter target for asynchronous calls.
 *
 * Defaults imposed: Node.js 24, one ES module with the AWS SDK inside (the version that was tested is the version that runs),
 * not minified (stack traces stay readable), a log group of its own, a role that may write to that log group and nothing else.
 */
export class HandlerFunction extends Construct {
  public readonly function: LambdaFunction;
  public readonly logGroup: LogGroup;
  public readonly role: Role;

  constructor(scope: Construct, id: string, props: HandlerFunctionProps) {
    super(scope, id);
    this.logGroup = new LogGroup(this, 'Logs', { retention: props.logRetention ?? RetentionDays.ONE_MONTH });
    // With a role of its own, CDK does not attach AWSLambdaBasicExecutionRole, which may write to every log group.
    this.role = new Role(this, 'Role', { assumedBy: new ServicePrincipal('lambda.amazonaws.com') });
    this.logGroup.grantWrite(this.role);
    this.function = new NodejsFunction(this, 'Resource', {
      entry: props.entry,
      runtime: Runtime.NODEJS_24_X,
      architecture: props.architecture ?? Architecture.ARM_64,
      timeout: props.timeout ?? Duration.seconds(30),
      memorySize: props.memorySize ?? 256,
      environment: props.environment,
      role: this.role,
      logGroup: this.logGroup,
      bundling: {
        format: OutputFormat.ESM,
        target: 'node24',
        // The SDK's `main` is CommonJS, which esbuild cannot shake.
        mainFields: ['module', 'main'],
        bundleAwsSDK: true,
        // A CommonJS dependency calls `require`, which an ES module does not have.
        banner:
          "import{createRequire as exactlyOnceRequire}from'node:module';const require=exactlyOnceRequire(import.meta.url);",
        logLevel: LogLevel.WARNING,
      },
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
