import { resolve } from 'node:path';
import { delimiter } from 'node:path';
import { binFolder } from './package-root.js';
import type { Credentials, EndpointTarget } from './target.js';
import { certificateVariables, trust } from './certificate.js';
import { readEmulatorFolder } from './emulator-folder.js';
import { CredentialsMissingError, CredentialsRefusedError, EndpointUnreachableError } from './errors.js';
import { localUrl } from './local-url.js';
import { callerAccount } from './query.js';
import type { TargetKind } from './kind.js';
import { messageOf } from './message-of.js';

export interface EndpointOptions {
  /** Such as `http://127.0.0.1:4566` or `https://127.0.0.1:9297`. */
  readonly endpoint: string;
  /** PEM file with the CA of an HTTPS endpoint. @default - ca.pem in the folder of AWS Emulator, if there is one */
  readonly ca?: string;
  /** It plays the event source mappings itself, and this project's runner stays off. @default false */
  readonly ownMappings?: boolean;
  /** @default process.env */
  readonly environment?: NodeJS.ProcessEnv;
  /** Where `.aws/emulator` is. @default - the user's home folder */
  readonly home?: string;
}

/** What most emulators give to whoever does not say otherwise. */
const defaultAccount = '000000000000';

/**
 * An emulator that somebody else started, with one address for every service. Keys come from the environment, or from
 * the folder of AWS Emulator; both are checked before this returns. `stop` does nothing.
 *
 * @throws CertificateFileError, EndpointUnreachableError, CredentialsMissingError, CredentialsRefusedError
 */
export async function endpointTarget(options: EndpointOptions): Promise<EndpointTarget> {
  const environment = options.environment ?? process.env;
  const url = new URL(options.endpoint);
  const endpoint = url.origin;
  const secure = url.protocol === 'https:';
  const folder = await readEmulatorFolder(url.port || (secure ? '443' : '80'), options.home);
  const caFile = options.ca ?? (secure ? folder?.caFile : undefined);
  const ca = caFile === undefined ? undefined : resolve(caFile);
  if (ca !== undefined) await trust(ca);
  const kind = await recognise(endpoint, ca);
  const credentials = keysOf(environment) ?? folder?.credentials;
  if (credentials === undefined) {
    throw new CredentialsMissingError(
      `no keys for ${endpoint}: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (most emulators take test and test; AWS Emulator writes its own to ~/.aws/emulator/${url.port || 'port'}/)`,
    );
  }
  const region = environment['AWS_REGION'] ?? environment['AWS_DEFAULT_REGION'] ?? 'us-east-1';
  const account = await accountAt({ endpoint, region, credentials });
  return {
    name: kind,
    endpoint,
    region,
    account,
    // Their own mappings are not AWS's: ours is, and the same for all of them.
    polls: options.ownMappings === true ? 'target' : 'runner',
    client: { endpoint, region, credentials, useQueueUrlAsEndpoint: false },
    environment: {
      PATH: [binFolder, environment['PATH'] ?? ''].join(delimiter),
      AWS_ENDPOINT_URL: endpoint,
      AWS_ACCESS_KEY_ID: credentials.accessKeyId,
      AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
      AWS_SESSION_TOKEN: credentials.sessionToken,
      AWS_REGION: region,
      AWS_DEFAULT_REGION: region,
      // Keeps the caller's own profiles and instance roles out of it.
      AWS_PROFILE: undefined,
      AWS_CONFIG_FILE: '/dev/null',
      AWS_SHARED_CREDENTIALS_FILE: '/dev/null',
      AWS_EC2_METADATA_DISABLED: 'true',
      ...(ca !== undefined && certificateVariables(ca)),
    },
    httpUrl: (deployedUrl) => localUrl(endpoint, deployedUrl),
    stop: () => Promise.resolve(),
  };
}

/** Each emulator has a health route of its own. */
async function recognise(endpoint: string, ca: string | undefined): Promise<TargetKind> {
  // Also shows whether anything answers at all.
  if ((await statusOf(endpoint, '/_ministack/health', ca)) === 200) return 'ministack';
  if ((await statusOf(endpoint, '/_localstack/health', ca)) === 200) return 'localstack';
  return 'endpoint';
}

async function statusOf(endpoint: string, path: string, ca: string | undefined): Promise<number> {
  try {
    const response = await fetch(`${endpoint}${path}`, { signal: AbortSignal.timeout(10_000) });
    await response.body?.cancel();
    return response.status;
  } catch (cause) {
    const reason = reasonOf(cause);
    const hint = /CERT|SELF_SIGNED|SIGNATURE|ISSUER/.test(reason)
      ? ca === undefined
        ? 'give its CA certificate with --ca FILE'
        : `${ca} is not the CA of its certificate, or is of an earlier start`
      : 'start it, or correct --endpoint';
    throw new EndpointUnreachableError(endpoint, reason, hint, { cause });
  }
}

/** `fetch` hides why it failed in the cause, and there may be several, one for each address tried. */
function reasonOf(error: unknown): string {
  let at: unknown = error;
  for (let depth = 0; depth < 5; depth += 1) {
    const { code, cause, errors } = at as { code?: unknown; cause?: unknown; errors?: unknown[] };
    if (typeof code === 'string') return code;
    const next = cause ?? errors?.[0];
    if (next === undefined) break;
    at = next;
  }
  return messageOf(at);
}

function keysOf(environment: NodeJS.ProcessEnv): Credentials | undefined {
  const accessKeyId = environment['AWS_ACCESS_KEY_ID'];
  const secretAccessKey = environment['AWS_SECRET_ACCESS_KEY'];
  const sessionToken = environment['AWS_SESSION_TOKEN'];
  if (!accessKeyId || !secretAccessKey) return undefined;
  return { accessKeyId, secretAccessKey, ...(sessionToken ? { sessionToken } : {}) };
}

async function accountAt(to: {
  endpoint: string;
  region: string;
  credentials: Credentials;
}): Promise<string> {
  const account = await callerAccount(to);
  if (typeof account === 'string') return account;
  const { host, status } = account;
  if (status === 401 || status === 403) {
    throw new CredentialsRefusedError(
      host,
      status,
      'AWS Emulator makes new keys at each start, so unset AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY to have them read from its folder',
    );
  }
  return defaultAccount;
}
