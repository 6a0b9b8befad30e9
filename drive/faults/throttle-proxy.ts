import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';

interface SendMessageBatch {
  readonly QueueUrl: string;
  readonly Entries: readonly { readonly Id: string }[];
}

export interface ThrottleProxyOptions {
  /** Origin of the target, such as `http://127.0.0.1:4566`. */
  readonly upstream: string;
  /** How many of the entries of a call to a FIFO queue are taken; the others are throttled. */
  readonly taken: (entries: number) => number;
}

export interface ThrottleProxy {
  readonly url: string;
  /** Calls to FIFO queues of which entries were throttled, and how many entries. */
  readonly stats: { readonly calls: number; readonly entries: number };
  readonly stop: () => Promise<void>;
}

/**
 * An SQS that throttles batches to FIFO queues, in both of the ways in which SQS does: as entries that failed inside
 * of an answer of 200, which are called the sender's fault, and as a call that fails as a whole. Everything else goes
 * through. For targets that check no signatures: an emulator.
 *
 * @see https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/troubleshooting-fifo-throttling-issues.html
 */
export async function startThrottleProxy({ upstream, taken }: ThrottleProxyOptions): Promise<ThrottleProxy> {
  const stats = { calls: 0, entries: 0 };

  async function handle(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const body = await buffer(incoming);
    const forward = async (text: string | Buffer): Promise<Response> =>
      fetch(new URL(incoming.url ?? '/', upstream), {
        method: incoming.method,
        headers: endToEnd(incoming),
        body: incoming.method === 'GET' ? undefined : new Uint8Array(Buffer.from(text)),
      });
    const batch = batchOf(incoming, body);
    if (batch === undefined) {
      await answer(outgoing, await forward(body));
      return;
    }
    const count = Math.max(0, Math.min(batch.Entries.length, taken(batch.Entries.length)));
    const refused = batch.Entries.slice(count);
    if (refused.length > 0) {
      stats.calls += 1;
      stats.entries += refused.length;
    }
    if (count === 0 && stats.calls % 2 === 0) {
      outgoing.writeHead(400, { 'content-type': 'application/x-amz-json-1.0' });
      outgoing.end(JSON.stringify({ __type: 'com.amazonaws.sqs#RequestThrottled', message: 'throttled' }));
      return;
    }
    const { Successful = [], Failed = [] } =
      count === 0
        ? {}
        : ((await (
            await forward(JSON.stringify({ ...batch, Entries: batch.Entries.slice(0, count) }))
          ).json()) as { Successful?: object[]; Failed?: object[] });
    const throttled = refused.map(({ Id }) => ({ Id, Code: 'RequestThrottled', SenderFault: true }));
    outgoing.writeHead(200, { 'content-type': 'application/x-amz-json-1.0' });
    outgoing.end(JSON.stringify({ Successful, Failed: [...Failed, ...throttled] }));
  }

  const server = createServer(
    (incoming, outgoing) => void handle(incoming, outgoing).catch(() => incoming.socket.destroy()),
  );
  server.keepAliveTimeout = 0;
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    stats,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** Undefined: it is something else, or for a queue that is not FIFO. */
function batchOf({ headers }: IncomingMessage, body: Buffer): SendMessageBatch | undefined {
  if (headers['x-amz-target'] !== 'AmazonSQS.SendMessageBatch') return undefined;
  const batch = JSON.parse(body.toString()) as SendMessageBatch;
  return batch.QueueUrl.endsWith('.fifo') ? batch : undefined;
}

function endToEnd({ headers }: IncomingMessage): Record<string, string> {
  const own = new Set(['host', 'connection', 'content-length', 'expect', 'transfer-encoding']);
  return Object.fromEntries(
    Object.entries(headers).flatMap(([name, value]) =>
      typeof value === 'string' && !own.has(name) ? [[name, value]] : [],
    ),
  );
}

async function answer(outgoing: ServerResponse, response: Response): Promise<void> {
  const bytes = Buffer.from(await response.arrayBuffer());
  outgoing.writeHead(response.status, {
    'content-type': response.headers.get('content-type') ?? 'application/x-amz-json-1.0',
  });
  outgoing.end(bytes);
}
