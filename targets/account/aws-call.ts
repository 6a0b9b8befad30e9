import { Sha256 } from '@aws-crypto/sha256-js';
import { HttpRequest } from '@smithy/protocol-http';
import { SignatureV4 } from '@smithy/signature-v4';
import { AccountError } from './account-error.js';
import { messageOf } from '../message-of.js';

export interface AwsCaller {
  readonly region: string;
  readonly credentials: {
    readonly accessKeyId: string;
    readonly secretAccessKey: string;
    readonly sessionToken?: string;
  };
  /** @default - AWS's own, by service and Region */
  readonly endpoint?: string;
}

export interface AwsAnswer {
  readonly status: number;
  readonly body: string;
}

/**
 * One signed request to a service that has no client among the dependencies: it is called two or three times in all.
 *
 * @throws AccountError when nobody answers within 15 s
 */
export async function awsCall(
  { region, credentials, endpoint }: AwsCaller,
  service: string,
  headers: Record<string, string>,
  body: string,
): Promise<AwsAnswer> {
  const suffix = region.startsWith('cn-') ? 'amazonaws.com.cn' : 'amazonaws.com';
  const url = new URL(endpoint ?? `https://${service}.${region}.${suffix}`);
  const signer = new SignatureV4({ service, region, credentials, sha256: Sha256 });
  const signed = await signer.sign(
    new HttpRequest({
      method: 'POST',
      protocol: url.protocol,
      hostname: url.hostname,
      port: url.port === '' ? undefined : Number(url.port),
      path: '/',
      headers: { ...headers, host: url.host },
      body,
    }),
  );
  try {
    const answer = await fetch(url, {
      method: 'POST',
      headers: signed.headers,
      body,
      signal: AbortSignal.timeout(15_000),
    });
    return { status: answer.status, body: await answer.text() };
  } catch (cause) {
    // fetch hides the reason, such as ECONNREFUSED, in the cause of its error.
    const reason = cause instanceof Error && cause.cause instanceof Error ? cause.cause : cause;
    throw new AccountError(
      `${url.origin} does not answer (${messageOf(reason)}): check the connection and the Region, which is ${region}`,
      { cause },
    );
  }
}
