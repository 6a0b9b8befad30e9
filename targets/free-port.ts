import { createServer } from 'node:net';
import { LocalTargetError } from './local-target-error.js';

/**
 * A port on 127.0.0.1 on which nobody listens. Another process may take it before the caller does.
 *
 * @throws LocalTargetError when the system gives none
 */
export async function freePort(): Promise<number> {
  const server = createServer();
  return new Promise((resolve, reject) => {
    server.on('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => {
        if (address !== null && typeof address === 'object') resolve(address.port);
        else reject(new LocalTargetError('the system gave no port on 127.0.0.1'));
      });
    });
  });
}
