import { Sha256 } from '@aws-crypto/sha256-js';
import { HttpRequest } from '@smithy/protocol-http';
import { SignatureV4 } from '@smithy/signature-v4';
import type { Target } from './target.js';
import { StackExistsError, TargetAnswerError } from './errors.js';

export type Reach = Pick<Target, 'endpoint' | 'region'> & Pick<Target['client'], 'credentials'>;

export interface Answer {
  readonly host: string;
  readonly status: number;
  /** XML. */
  readonly body: string;
}

/**
 * Calls one action of a service with AWS's query protocol, signed. Two actions are needed here; that is less than two
 * more SDK clients to install.
 *
 * @see https://docs.aws.amazon.com/IAM/latest/UserGuide/create-signed-request.html
 * @throws TypeError, as `fetch` does, when nothing answers
 */
export async function query(
  to: Reach,
  service: 'sts' | 'cloudformation',
  parameters: Record<string, string>,
): Promise<Answer> {
  const url = new URL(to.endpoint ?? awsHost(service, to.region));
  const body = new URLSearchParams(parameters).toString();
  const signer = new SignatureV4({
    service,
    region: to.region,
    credentials: to.credentials,
    sha256: Sha256,
  });
  const { headers } = await signer.sign(
    new HttpRequest({
      method: 'POST',
      protocol: url.protocol,
      hostname: url.hostname,
      path: '/',
      headers: { host: url.host, 'content-type': 'application/x-www-form-urlencoded; charset=utf-8' },
      body,
    }),
  );
  const response = await fetch(new URL('/', url), {
    method: 'POST',
    headers,
    body,
    signal: AbortSignal.timeout(20_000),
  });
  return { host: url.host, status: response.status, body: await response.text() };
}

/** The account that the credentials belong to, or the answer that does not say. */
export async function callerAccount(to: Reach): Promise<string | Answer> {
  const answer = await query(to, 'sts', { Action: 'GetCallerIdentity', Version: '2011-06-15' });
  return /<Account>(\d{12})<\/Account>/.exec(answer.body)?.[1] ?? answer;
}

/**
 * To be called before a run deploys a stack that it deletes at its end: a stack that is there already is somebody's.
 *
 * @throws StackExistsError
 * @throws TargetAnswerError when the target does not say whether there is one
 */
export async function expectNoStack(target: Target, stack: string): Promise<void> {
  const to = { endpoint: target.endpoint, region: target.region, credentials: target.client.credentials };
  const { status, body } = await query(to, 'cloudformation', {
    Action: 'DescribeStacks',
    Version: '2010-05-15',
    StackName: stack,
  });
  if (status === 400 && body.includes('does not exist')) return;
  const found = /<StackStatus>(\w+)<\/StackStatus>/.exec(body)?.[1];
  if (found === undefined) throw new TargetAnswerError('DescribeStacks', status, body);
  if (found !== 'DELETE_COMPLETE') throw new StackExistsError(stack, found);
}

function awsHost(service: string, region: string): string {
  return `https://${service}.${region}.amazonaws.com${region.startsWith('cn-') ? '.cn' : ''}`;
}
