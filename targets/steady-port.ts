import { createServer } from 'node:net';
import { LocalTargetError } from './local-target-error.js';

/** Below what systems give to outgoing connections, so that none of them takes the port while its server is down. */
const [from, to] = [20_000, 32_000];
const tries = 100;

/** A free port of 127.0.0.1 for a server that is killed and comes back on it. @throws LocalTargetError */
export async function steadyPort(): Promise<number> {
  for (let attempt = 0; attempt < tries; attempt += 1) {
    const port = from + Math.floor(Math.random() * (to - from));
    if (await isFree(port)) return port;
  }
  throw new LocalTargetError(`none of ${tries} ports between ${from} and ${to} of 127.0.0.1 is free`);
}

function isFree(port: number): Promise<boolean> {
  const server = createServer();
  return new Promise((resolve) => {
    server.on('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}
