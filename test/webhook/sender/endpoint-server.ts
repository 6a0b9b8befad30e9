import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Arrived {
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly at: number;
}

/** How the endpoint at a path behaves. Nothing: 204. */
export type Behaviour = (arrived: Arrived, response: ServerResponse, request: IncomingMessage) => void;

/** A real HTTP server with endpoints that behave as they are told, by path. */
export class EndpointServer {
  readonly arrived: Arrived[] = [];
  readonly behaviours = new Map<string, Behaviour>();
  readonly #server: Server;

  private constructor() {
    this.#server = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        const { url = '', headers } = request;
        const arrived = {
          ...{ path: url, body: Buffer.concat(chunks).toString(), at: performance.now() },
          headers: headers as Record<string, string>,
        };
        this.arrived.push(arrived);
        const behave = this.behaviours.get(url);
        if (behave === undefined) response.writeHead(204).end();
        else behave(arrived, response, request);
      });
    });
  }

  static async listen(): Promise<EndpointServer> {
    const server = new EndpointServer();
    await new Promise<void>((resolve) => server.#server.listen(0, '127.0.0.1', resolve));
    return server;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  url(path: string): string {
    return `http://127.0.0.1:${this.port}${path}`;
  }

  at(path: string): Arrived[] {
    return this.arrived.filter((one) => one.path === path);
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

export const answers = (status: number, headers: Record<string, string> = {}): Behaviour => {
  return (_, response) => response.writeHead(status, headers).end(`status ${status}`);
};
