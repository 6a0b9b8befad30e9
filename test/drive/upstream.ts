import { createServer, type IncomingMessage } from 'node:http';

export interface Received {
  readonly method: string;
  readonly path: string;
  readonly rawHeaders: readonly string[];
  readonly headers: IncomingMessage['headers'];
  readonly body: Buffer;
}

export interface Answer {
  status: number;
  headers?: string[];
  body?: Buffer | string;
}

/** An HTTP server that writes down what arrives and answers what it is told. */
export async function startUpstream(answer: (request: Received) => Answer = () => ({ status: 202 })) {
  const received: Received[] = [];
  const server = createServer((incoming, outgoing) => {
    const chunks: Buffer[] = [];
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
    incoming.on('end', () => {
      const { method = '', url = '', rawHeaders, headers } = incoming;
      const request = { method, path: url, rawHeaders, headers, body: Buffer.concat(chunks) };
      received.push(request);
      const { status, headers: own = [], body = '' } = answer(request);
      outgoing.writeHead(status, own);
      outgoing.end(body);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const port = typeof address === 'object' ? address?.port : undefined;
  return {
    url: `http://127.0.0.1:${port ?? 0}`,
    received,
    stop: async () => {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
  };
}
