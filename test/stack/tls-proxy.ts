import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

export interface TlsProxy {
  readonly url: string;
  /** PEM file of the CA that signed its certificate. */
  readonly caFile: string;
  stop(): Promise<void>;
}

/** An HTTPS address for an emulator that has none, with a CA made for it. Needs the openssl command. */
export async function tlsProxy(upstream: string, folder: string): Promise<TlsProxy> {
  const file = (name: string) => join(folder, name);
  const openssl = (...args: string[]) => run('openssl', args);
  const newKey = ['-newkey', 'rsa:2048', '-nodes'];
  const ca = ['-keyout', file('ca.key'), '-out', file('ca-made.pem')];
  await openssl('req', '-x509', ...newKey, '-days', '1', '-subj', '/CN=Test CA', ...ca);
  const own = ['-keyout', file('own.key'), '-out', file('own.csr')];
  await openssl('req', ...newKey, '-subj', '/CN=127.0.0.1', ...own);
  await writeFile(file('own.ext'), 'subjectAltName=IP:127.0.0.1\n');
  const signer = ['-CA', file('ca-made.pem'), '-CAkey', file('ca.key'), '-CAcreateserial'];
  const signed = ['-extfile', file('own.ext'), '-out', file('own.pem')];
  await openssl('x509', '-req', '-in', file('own.csr'), '-days', '1', ...signer, ...signed);

  const { hostname, port } = new URL(upstream);
  const [key, cert] = await Promise.all([readFile(file('own.key')), readFile(file('own.pem'))]);
  const server = createServer({ key, cert }, (incoming, outgoing) => {
    const { method, url: path, headers } = incoming;
    const onward = request({ hostname, port, method, path, headers }, (answer) => {
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(outgoing);
    });
    onward.on('error', () => outgoing.destroy());
    incoming.pipe(onward);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `https://127.0.0.1:${(server.address() as AddressInfo).port}`,
    caFile: file('ca-made.pem'),
    stop: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
