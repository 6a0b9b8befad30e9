import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Api } from '../../runtime/api/index.js';

export interface Server {
  readonly url: string;
  stop(): Promise<void>;
}

export type Serve = (
  request: IncomingMessage,
  body: Buffer,
  response: ServerResponse,
) => Promise<void> | void;

/** A loopback HTTP server on a free port. */
export async function serve(handle: Serve): Promise<Server> {
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => void handle(request, Buffer.concat(chunks), response));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    stop: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Puts an API behind a loopback server. The authorizer believes what `Authorization` says. */
export function serveApi(api: Api): Promise<Server> {
  return serve(async (request, body, response) => {
    const url = new URL(request.url ?? '', 'http://localhost');
    const headers = Object.fromEntries(
      Object.entries(request.headers).map(([name, value = '']) => [name, [value].flat().join(', ')]),
    );
    const { authorization } = headers;
    const answer = await api(
      {
        method: request.method ?? '',
        path: url.pathname,
        query: url.searchParams,
        headers,
        body,
        params: {},
        identity: authorization === undefined ? {} : { claims: { iss: 'test', sub: authorization } },
      },
      { deadline: Date.now() + 20_000 },
    );
    const cookies = answer.cookies.length === 0 ? {} : { 'set-cookie': [...answer.cookies] };
    response.writeHead(answer.status, { ...answer.headers, ...cookies }).end(answer.body);
  });
}
