import type { Target } from '../targets/target.js';

/**
 * A command line that sends a payment of one's own, for a shell.
 *
 * It signs with the target's own credentials where they are made up: an emulator knows the caller by them, and
 * another access key is nobody, who gets 401. Real ones are not printed, but read from the environment.
 *
 * @param apiUrl as deployed
 */
export function paymentCommand(
  target: Pick<Target, 'region' | 'client' | 'httpUrl'>,
  apiUrl: string,
): string[] {
  const { credentials } = target.client;
  const user =
    typeof credentials === 'function'
      ? '"$AWS_ACCESS_KEY_ID:$AWS_SECRET_ACCESS_KEY" -H "x-amz-security-token: $AWS_SESSION_TOKEN"'
      : `${credentials.accessKeyId}:${credentials.secretAccessKey}`;
  const url = target.httpUrl(apiUrl).replace(/\/$/, '');
  return [
    `curl -i --aws-sigv4 aws:amz:${target.region}:execute-api --user ${user} -H 'Idempotency-Key: my-1' -H 'Content-Type: application/json' \\`,
    `  -d '{"customer":"00001","purchasedOn":"1997-01-01","cds":1,"cents":1177}' ${url}/payments`,
  ];
}
