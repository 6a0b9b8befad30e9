import { createHash, createHmac } from 'node:crypto';
import { CliError } from '../cli-error.js';
import type { Exchange } from './exchange.js';

export interface Signer {
  readonly region: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
}

/**
 * The caller whose credentials are in the environment.
 *
 * @throws CliError when there are none.
 */
export function signerOf(region: string, environment: Readonly<Record<string, string | undefined>>): Signer {
  const { AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN } = environment;
  if (!AWS_ACCESS_KEY_ID || !AWS_SECRET_ACCESS_KEY)
    throw new CliError(
      '--sign needs AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY; `aws configure export-credentials --format env` prints those of a profile',
    );
  return {
    region,
    accessKeyId: AWS_ACCESS_KEY_ID,
    secretAccessKey: AWS_SECRET_ACCESS_KEY,
    sessionToken: AWS_SESSION_TOKEN,
  };
}

/**
 * The request signed for API Gateway with Signature Version 4. Signs host and body; the rest may be sent more than
 * once, as the checks do.
 *
 * @see https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
 */
export function signed(request: Exchange, signer: Signer, now: Date): Exchange {
  const { method, url, body = '' } = request;
  const time = now.toISOString().replace(/[-:]|\.\d{3}/g, '');
  const scope = [time.slice(0, 8), signer.region, 'execute-api', 'aws4_request'];
  const fields: [name: string, value: string][] = [
    ['host', url.host],
    ['x-amz-date', time],
    ...(signer.sessionToken === undefined
      ? []
      : [['x-amz-security-token', signer.sessionToken] as [string, string]]),
  ];
  const names = fields.map(([name]) => name).join(';');
  const canonical = [
    method,
    url.pathname.split('/').map(encoded).join('/'),
    [...url.searchParams]
      .map(([name, value]) => `${encoded(name)}=${encoded(value)}`)
      .sort()
      .join('&'),
    ...fields.map(([name, value]) => `${name}:${value}`),
    '',
    names,
    sha256(body),
  ].join('\n');
  const toSign = ['AWS4-HMAC-SHA256', time, scope.join('/'), sha256(canonical)].join('\n');
  const key = scope.reduce<Buffer | string>(
    (derived, part) => createHmac('sha256', derived).update(part).digest(),
    `AWS4${signer.secretAccessKey}`,
  );
  const signature = createHmac('sha256', key).update(toSign).digest('hex');
  const authorization = `AWS4-HMAC-SHA256 Credential=${signer.accessKeyId}/${scope.join('/')}, SignedHeaders=${names}, Signature=${signature}`;
  const [, ...added] = fields;
  return { ...request, headers: [...request.headers, ...added, ['authorization', authorization]] };
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

/** RFC 3986, as Signature Version 4 wants it. */
function encoded(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}
