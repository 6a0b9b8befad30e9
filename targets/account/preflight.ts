import { LambdaClient } from '@aws-sdk/client-lambda';
import { AccountError } from './account-error.js';
import { awsCall, type AwsCaller } from './aws-call.js';
import { messageOf } from '../message-of.js';

/** Who deploys, and where to. */
export interface Account extends AwsCaller {
  /** 12 digits. */
  readonly id: string;
  /** ARN of the caller. */
  readonly caller: string;
}

/**
 * What the CDK CLI will need, looked at before it spends a minute on the synth: a Region, credentials that AWS
 * accepts, and a bootstrapped account. Reads the environment as AWS's SDKs do (AWS_PROFILE, AWS_REGION,
 * AWS_ENDPOINT_URL, ...).
 *
 * @param qualifier of the bootstrap stack
 * @throws AccountError for the first thing that is missing
 */
export async function preflight(
  environment: Readonly<Record<string, string | undefined>>,
  qualifier: string,
): Promise<Account> {
  const caller = await resolveCaller(environment);
  const { id, arn } = await identity(caller);
  const account: Account = { ...caller, id, caller: arn };
  await expectBootstrapped(account, qualifier);
  return account;
}

async function resolveCaller(environment: Readonly<Record<string, string | undefined>>): Promise<AwsCaller> {
  const { AWS_REGION, AWS_DEFAULT_REGION, AWS_ENDPOINT_URL: endpoint } = environment;
  // The SDK does not know AWS_DEFAULT_REGION, the CLIs do.
  const { config } = new LambdaClient({ region: AWS_REGION ?? AWS_DEFAULT_REGION });
  const region = await config.region().catch((cause: unknown) => {
    throw new AccountError('no AWS Region is set: set AWS_REGION, or give the profile a region', { cause });
  });
  const credentials = await config.credentials().catch((cause: unknown) => {
    throw new AccountError(
      `no usable AWS credentials (${reasonOf(cause)}): run "aws configure" or "aws sso login", or set AWS_PROFILE`,
      { cause },
    );
  });
  return { region, credentials, endpoint };
}

/** @see https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html */
async function identity(caller: AwsCaller): Promise<{ id: string; arn: string }> {
  const { status, body } = await awsCall(
    caller,
    'sts',
    { 'content-type': 'application/x-www-form-urlencoded' },
    'Action=GetCallerIdentity&Version=2011-06-15',
  );
  const id = /<Account>(\d{12})<\/Account>/.exec(body)?.[1];
  const arn = /<Arn>([^<]+)<\/Arn>/.exec(body)?.[1];
  if (id !== undefined && arn !== undefined) return { id, arn };
  const code = /<Code>([^<]+)<\/Code>/.exec(body)?.[1] ?? `status ${status}`;
  throw new AccountError(
    `AWS refuses the credentials (${code}): renew them with "aws configure" or "aws sso login"`,
  );
}

/**
 * The version of the bootstrap stack is in a parameter.
 *
 * @see https://docs.aws.amazon.com/cdk/v2/guide/bootstrapping-customizing.html
 */
async function expectBootstrapped(account: Account, qualifier: string): Promise<void> {
  const { body } = await awsCall(
    account,
    'ssm',
    { 'content-type': 'application/x-amz-json-1.1', 'x-amz-target': 'AmazonSSM.GetParameter' },
    JSON.stringify({ Name: `/cdk-bootstrap/${qualifier}/version` }),
  );
  // Any other answer, such as AccessDenied, says nothing: the CLI looks with other roles.
  if (body.includes('ParameterNotFound'))
    throw new AccountError(
      `account ${account.id} is not bootstrapped in ${account.region}: run "npx cdk bootstrap aws://${account.id}/${account.region}" once`,
    );
}

function reasonOf(cause: unknown): string {
  return messageOf(cause).split('\n')[0]?.replace(/\.$/, '') ?? '';
}
