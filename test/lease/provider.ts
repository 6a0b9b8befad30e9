import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/**
 * What a provider does with a second call. `keys`: drops one whose Idempotency-Key it knows. `nothing`: acts again.
 * `look-up`: acts again, but can be asked.
 */
export type ProviderKind = 'keys' | 'nothing' | 'look-up';

export interface Provider {
  readonly kind: ProviderKind;
  readonly url: string;
  /** Every act, in order: the order that it was for. A second act for one order is a double. */
  readonly acts: readonly string[];
  /** The requests for acts, dropped ones included. */
  readonly calls: readonly {
    readonly order: string;
    readonly key: string | undefined;
    readonly body: unknown;
  }[];
  close(): Promise<void>;
}

/**
 * A provider as a real HTTP server: `POST /acts/<order>` acts, `GET /acts/<order>` tells. With the query `reset` the
 * first call for an order acts and then resets the connection, so that the caller learns nothing.
 */
export async function startProvider(kind: ProviderKind): Promise<Provider> {
  const acts: string[] = [];
  const calls: { order: string; key: string | undefined; body: unknown }[] = [];
  const known = new Set<string>();
  const server = createServer((request, response) => {
    void answer(request, response);
  });
  const answer = async (request: IncomingMessage, response: ServerResponse) => {
    const url = new URL(request.url ?? '', 'http://provider');
    const order = decodeURIComponent(url.pathname.slice('/acts/'.length));
    if (request.method === 'GET') {
      response.writeHead(kind === 'look-up' ? 200 : 404).end(JSON.stringify({ done: acts.includes(order) }));
      return;
    }
    const key = request.headers['idempotency-key']?.toString();
    let text = '';
    for await (const chunk of request) text += String(chunk);
    const first = !calls.some((call) => call.order === order);
    calls.push({ order, key, body: text === '' ? undefined : JSON.parse(text) });
    if (kind !== 'keys' || key === undefined || !known.has(key)) acts.push(order);
    if (key !== undefined) known.add(key);
    if (first && url.searchParams.has('reset')) request.socket.resetAndDestroy();
    else response.writeHead(200).end(JSON.stringify({ receipt: `receipt of ${order}` }));
  };
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    kind,
    url: `http://127.0.0.1:${port}`,
    acts,
    calls,
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Orders that a provider acted on more than once, each as often as it was too often. */
export function doubled({ acts }: Provider): string[] {
  return acts.filter((order, i) => acts.indexOf(order) !== i);
}
