import { unlessMissing } from '../../dedup/package-missing.js';
import type { ClientSettings } from './client-port.js';

const packageName = 'aws-msk-iam-sasl-signer-js';

interface Signer {
  generateAuthToken(options: { readonly region: string }): Promise<{ token: string; expiryTime: number }>;
}

/**
 * Settings with which the client signs in at MSK with the credentials of its process (IAM, port 9098). Needs the
 * package aws-msk-iam-sasl-signer-js when the first token is asked for.
 *
 * A missing permission looks like trouble with the connection. A transactional producer needs
 * `kafka-cluster:WriteDataIdempotently` on the cluster, and `AlterTransactionalId` and `DescribeTransactionalId` on
 * its transactional ids.
 *
 * @param load for tests. @default - `import('aws-msk-iam-sasl-signer-js')`
 * @see https://docs.aws.amazon.com/msk/latest/developerguide/kafka-actions.html
 */
export function mskIam(region: string, load: () => Promise<Signer> = loadSigner): ClientSettings {
  return {
    'security.protocol': 'sasl_ssl',
    'sasl.mechanisms': 'OAUTHBEARER',
    // The client asks again before the token's time is over.
    oauthbearer_token_refresh_cb: async () => {
      const { token, expiryTime } = await (await load()).generateAuthToken({ region });
      return { tokenValue: token, lifetime: expiryTime, principal: 'iam', extensions: {} };
    },
  };
}

async function loadSigner(): Promise<Signer> {
  // The name is not a literal, so that neither types nor bundlers ask for it.
  const name: string = packageName;
  return (await import(name).catch(unlessMissing(packageName, 'signing in at MSK with IAM'))) as Signer;
}
