import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { delimiter } from 'node:path';
import { binFolder } from './package-root.js';
import type { Credentials, Target } from './target.js';
import { confirm, ownTerminal, type Terminal } from './confirm.js';
import { costText } from './cost.js';
import {
  CredentialsMissingError,
  CredentialsRefusedError,
  EndpointConfiguredError,
  RegionMissingError,
} from './errors.js';
import { callerAccount } from './query.js';

export interface AwsOptions {
  /** Do not ask. */
  readonly yes: boolean;
  /** How many messages the run will send: the cost follows from it. */
  readonly messages: number;
  readonly log: (line: string) => void;
  /** @default - standard input and standard error */
  readonly terminal?: Terminal;
  /** Tells the account of credentials. @default - STS of the Region */
  readonly identify?: typeof callerAccount;
}

/**
 * The account that the default credential chain leads to (environment, profile, SSO, container or instance role).
 * Prints account, Region and what the run may cost at most, and asks, before anything is deployed. Neither the SDK's
 * clients nor the CDK get an endpoint, and a configured one is refused.
 *
 * @throws EndpointConfiguredError, RegionMissingError, CredentialsMissingError, CredentialsRefusedError,
 * NotConfirmedError
 */
export async function awsTarget(options: AwsOptions): Promise<Target> {
  const configured = Object.keys(process.env).find(
    (name) => name.startsWith('AWS_ENDPOINT_URL') && process.env[name],
  );
  if (configured !== undefined) throw new EndpointConfiguredError(configured);
  const { region, credentials } = await defaultChain();
  const account = await (options.identify ?? callerAccount)({ region, credentials });
  if (typeof account !== 'string')
    throw new CredentialsRefusedError(account.host, account.status, 'sign in again, or use other keys');
  options.log(
    `account ${account}, ${region}: the run costs at most ${costText(options.messages)} (${options.messages} messages, list prices of us-east-1), and deletes its stack at the end`,
  );
  if (!options.yes) await confirm('Deploy there?', options.terminal ?? ownTerminal);
  return describeAws({ account, region, credentials });
}

export function describeAws(identity: {
  account: string;
  region: string;
  credentials: () => Promise<Credentials>;
}): Target {
  const { account, region, credentials } = identity;
  return {
    name: 'aws',
    region,
    account,
    polls: 'target',
    client: { region, credentials, useQueueUrlAsEndpoint: false },
    environment: {
      PATH: [binFolder, process.env['PATH'] ?? ''].join(delimiter),
      // Credentials are not passed on: the CDK follows the same chain, and renews them by itself.
      AWS_REGION: region,
      AWS_DEFAULT_REGION: region,
      // Also against an endpoint_url in the user's profile.
      AWS_IGNORE_CONFIGURED_ENDPOINT_URLS: 'true',
    },
    httpUrl: (deployedUrl) => deployedUrl,
    stop: () => Promise.resolve(),
  };
}

async function defaultChain(): Promise<{ region: string; credentials: () => Promise<Credentials> }> {
  const region = process.env['AWS_REGION'] ?? process.env['AWS_DEFAULT_REGION'];
  // A client is asked because it follows the chain, with the user's profiles, and keeps what it found until it
  // expires.
  const { config } = new DynamoDBClient(region === undefined ? {} : { region });
  const resolved = await config.region().catch((cause: unknown) => {
    throw new RegionMissingError('no Region: set AWS_REGION, or a region in the profile', { cause });
  });
  await config.credentials().catch((cause: unknown) => {
    throw new CredentialsMissingError(
      'no AWS credentials found: sign in (aws sso login, aws configure), or set AWS_PROFILE or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY',
      { cause },
    );
  });
  return { region: resolved, credentials: () => config.credentials() };
}
