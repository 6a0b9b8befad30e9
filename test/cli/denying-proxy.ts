import { once } from 'node:events';
import { createServer, request, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { embedded } from '../fixtures/embedded.js';

/**
 * The run's emulator, behind a door that lets some calls not through: what a caller sees who has no permission for
 * them. The emulator itself asks nobody for permissions.
 */
export class DenyingProxy implements AsyncDisposable {
  readonly #server: Server;
  /** Calls that were refused, such as `DynamoDB_20120810.Query`. */
  readonly refused: string[] = [];

  private constructor(isDenied: (call: string) => boolean) {
    const { hostname, port } = new URL(embedded().client.endpoint);
    this.#server = createServer((incoming, outgoing) => {
      const call = String(incoming.headers['x-amz-target'] ?? incoming.url);
      if (isDenied(call)) {
        this.refused.push(call);
        incoming.resume();
        outgoing.writeHead(400, { 'content-type': 'application/x-amz-json-1.0' });
        outgoing.end(
          JSON.stringify({
            __type: 'com.amazon.coral.service#AccessDeniedException',
            message: `User: arn:aws:iam::000000000000:user/ada is not authorized to perform: ${call}`,
          }),
        );
        return;
      }
      const { method, url: path, headers } = incoming;
      const passed = request({ hostname, port, method, path, headers }, (answer) => {
        outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
        answer.pipe(outgoing);
      });
      passed.on('error', () => outgoing.destroy());
      incoming.pipe(passed);
    });
  }

  static async open(isDenied: (call: string) => boolean): Promise<DenyingProxy> {
    const proxy = new DenyingProxy(isDenied);
    proxy.#server.listen(0, '127.0.0.1');
    await once(proxy.#server, 'listening');
    return proxy;
  }

  get endpoint(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close').catch(() => undefined);
  }
}
