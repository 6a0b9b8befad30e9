import type { App } from 'aws-cdk-lib';

/** What the pipeline of change data capture stands on. All of it is there before. */
export interface CdcContext {
  readonly vpcId: string;
  /** Private ones, with a way out. */
  readonly subnetIds: readonly string[];
  /** MSK, provisioned, with IAM for clients. */
  readonly kafkaClusterArn: string;
  /** Its brokers for clients with IAM. */
  readonly bootstrapServers: string;
  readonly databaseHost: string;
  readonly databaseName: string;
  /** The complete ARN of a secret with `username` and `password`. */
  readonly databaseSecretArn: string;
  /** `SELECT system_identifier FROM pg_control_system()` */
  readonly systemIdentifier: string;
}

interface Form {
  readonly pattern: RegExp;
  readonly allowed: string;
}

const hex = '([0-9a-f]{8}|[0-9a-f]{17})';
const list = (of: string) => new RegExp(`^${of}(,${of})*$`);

const forms: Readonly<Record<keyof CdcContext, Form>> = {
  vpcId: { pattern: new RegExp(`^vpc-${hex}$`), allowed: 'vpc-…' },
  subnetIds: { pattern: list(`subnet-${hex}`), allowed: 'subnet-…,subnet-…' },
  kafkaClusterArn: {
    pattern: /^arn:[^:]+:kafka:[^:]+:\d{12}:cluster\/[^/]+\/[^/]+$/,
    allowed: 'the ARN of a cluster of MSK',
  },
  bootstrapServers: { pattern: list('[\\w.-]+:\\d+'), allowed: 'host:9098,host:9098' },
  databaseHost: { pattern: /^[\w.-]+$/, allowed: 'a host name' },
  databaseName: { pattern: /^[^\s"]+$/, allowed: 'the name of a database' },
  databaseSecretArn: {
    pattern: /^arn:[^:]+:secretsmanager:[^:]+:\d{12}:secret:.+-\w{6}$/,
    allowed: 'the complete ARN of a secret, with its six last characters',
  },
  systemIdentifier: { pattern: /^\d{1,20}$/, allowed: 'the digits of pg_control_system()' },
};

/**
 * Of `-c cdc=true`, with a `-c cdc<Field>=…` for each field, such as `-c cdcVpcId=vpc-0a1b`.
 *
 * @throws Error that names every field that is missing or malformed, without its value
 */
export function cdcContext(scope: App): CdcContext {
  const found: Partial<Record<keyof CdcContext, string>> = {};
  const problems: string[] = [];
  for (const [field, { pattern, allowed }] of Object.entries(forms) as [keyof CdcContext, Form][]) {
    const name = `cdc${field.charAt(0).toUpperCase()}${field.slice(1)}`;
    const value: unknown = scope.node.tryGetContext(name);
    // Digits alone are a number in cdk.json, which would round them.
    if (typeof value === 'string' && pattern.test(value)) found[field] = value;
    else
      problems.push(
        `context ${name} ${value === undefined ? 'is missing' : 'is malformed'}, must be ${allowed}`,
      );
  }
  if (problems.length > 0)
    throw new Error(`context cdc is true, and ${problems.join('; ')}: change -c cdc…=…`);
  const { subnetIds, ...texts } = found as Record<keyof CdcContext, string>;
  return { ...texts, subnetIds: subnetIds.split(',') };
}
