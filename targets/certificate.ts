import { X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { CertificateFileError } from './errors.js';

/**
 * Makes this process trust a CA beside those it trusts already, for every connection it opens from now on: SDK
 * clients, `fetch` and the driver's own. The same as starting it with NODE_EXTRA_CA_CERTS. Child processes are told
 * by {@link certificateVariables}.
 *
 * @throws CertificateFileError
 */
export async function trust(file: string): Promise<void> {
  const text = await readFile(file, 'utf8').catch((cause: unknown) => {
    throw new CertificateFileError(file, 'cannot be read', { cause });
  });
  const certificates = text.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
  if (certificates.length === 0) throw new CertificateFileError(file, 'holds no PEM certificate');
  for (const certificate of certificates)
    try {
      new X509Certificate(certificate);
    } catch (cause) {
      throw new CertificateFileError(file, 'holds a certificate that cannot be read', { cause });
    }
  setDefaultCACertificates([...getCACertificates('default'), ...certificates]);
}

/** For Node's own connections, and for the AWS tools' (the CDK CLI, the AWS CLI). */
export function certificateVariables(file: string): Record<string, string> {
  return { NODE_EXTRA_CA_CERTS: file, AWS_CA_BUNDLE: file };
}
