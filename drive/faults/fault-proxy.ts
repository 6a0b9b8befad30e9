import { createHash } from 'node:crypto';
import {
  Agent,
  createServer,
  request as httpRequest,
  type IncomingMessage,
  type ServerResponse,
} from 'node:http';
import { Agent as SecureAgent, request as httpsRequest } from 'node:https';
import { draw } from '../input/draw.js';

/** `request`: lost on its way, the other side never saw it. `answer`: acted on, but the answer was lost. */
export type Fault = 'none' | 'request' | 'answer';

/** What a decision is made from. */
export interface ProxiedRequest {
  readonly method: string;
  /** With the query string, as received. */
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: Buffer;
}

export interface FaultProxyOptions {
  /** Where requests go: scheme, host and port, such as `http://127.0.0.1:4566`. A path is not allowed. */
  upstream: string;
  /** @default 1 */
  seed?: number;
  /** Share of requests never forwarded, 0 to 1. @default 0 */
  loseRequest?: number;
  /** Share of requests forwarded whose answer is thrown away, 0 to 1. @default 0 */
  loseAnswer?: number;
  /** Called for each lost request or answer. */
  onFault?: (fault: 'request' | 'answer', request: ProxiedRequest) => void;
  /** Decides instead of the two shares. @default - by the seed, see {@link startFaultProxy} */
  decide?: (request: ProxiedRequest) => Fault;
}

export interface FaultProxyStats {
  /** Requests that arrived whole. */
  requests: number;
  lostRequests: number;
  lostAnswers: number;
  /** Requests the upstream itself failed to answer: the connection is destroyed as for a lost answer. */
  upstreamFailures: number;
}

export interface FaultProxy {
  /** `http://127.0.0.1:<port>` */
  readonly url: string;
  /** Counts up to now. */
  readonly stats: Readonly<FaultProxyStats>;
  /** Closes all connections. */
  readonly stop: () => Promise<void>;
}

/**
 * An HTTP proxy on a free loopback port that loses requests and answers by destroying the connection.
 *
 * Method, path, headers (order, case and Host included) and body bytes go through unchanged in both directions, so a
 * signature made for the upstream's host stays valid: name that host in the Host header. Bodies are held in memory.
 *
 * Without `decide`, the fault of a request depends on the seed, on what is asked (its Idempotency-Key, else method,
 * path, X-Amz-Target and body) and on how many times that was asked before: concurrent requests may arrive in any
 * order and a seed still means the same faults.
 *
 * @throws TypeError when the upstream has a path or the shares are no shares
 */
export async function startFaultProxy(options: FaultProxyOptions): Promise<FaultProxy> {
  const upstream = new URL(options.upstream);
  if (upstream.pathname !== '/' || upstream.search !== '')
    throw new TypeError(
      `upstream must be an origin such as http://127.0.0.1:4566, got '${options.upstream}'`,
    );
  const decide = options.decide ?? decideBySeed(options);
  const stats: FaultProxyStats = { requests: 0, lostRequests: 0, lostAnswers: 0, upstreamFailures: 0 };
  const forward = forwarder(upstream);

  const handle = async (incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> => {
    const body = await readAll(incoming).catch(() => undefined);
    if (body === undefined) return; // The client went away before it had said everything.
    const request = {
      method: incoming.method ?? 'GET',
      path: incoming.url ?? '/',
      headers: incoming.headers,
      body,
    };
    stats.requests += 1;
    const fault = decide(request);
    if (fault === 'request') {
      stats.lostRequests += 1;
      options.onFault?.(fault, request);
      incoming.socket.destroy();
      return;
    }
    const answer = await forward.send(incoming, body).catch(() => undefined);
    if (answer === undefined) {
      stats.upstreamFailures += 1;
      incoming.socket.destroy();
      return;
    }
    if (fault === 'answer') {
      stats.lostAnswers += 1;
      options.onFault?.(fault, request);
      incoming.socket.destroy();
      return;
    }
    outgoing.sendDate = false;
    outgoing.writeHead(answer.status, answer.statusMessage, answer.rawHeaders);
    outgoing.end(answer.body);
  };
  const server = createServer((incoming, outgoing) => void handle(incoming, outgoing));
  // A kept-alive connection that the server closes just as a request arrives would be a loss nobody decided on.
  server.keepAliveTimeout = 0;
  const port = await listen(server);
  return {
    url: `http://127.0.0.1:${port}`,
    stats,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
        forward.close();
      }),
  };
}

function decideBySeed(options: FaultProxyOptions): (request: ProxiedRequest) => Fault {
  const { seed = 1, loseRequest = 0, loseAnswer = 0 } = options;
  if (!(loseRequest >= 0 && loseAnswer >= 0 && loseRequest + loseAnswer <= 1))
    throw new TypeError(
      `loseRequest and loseAnswer must be shares that sum up to at most 1, got ${loseRequest} and ${loseAnswer}`,
    );
  const asked = new Map<string, number>();
  return (request) => {
    const identity = identityOf(request);
    const earlier = asked.get(identity) ?? 0;
    asked.set(identity, earlier + 1);
    const drawn = draw(seed, 'proxy', identity, earlier);
    if (drawn < loseRequest) return 'request';
    return drawn < loseRequest + loseAnswer ? 'answer' : 'none';
  };
}

/**
 * What is asked, without what a repetition changes (date, signature, the SDK's attempt number). An Idempotency-Key
 * says it all: the path may name resources whose ids are new in every run.
 */
function identityOf({ method, path, headers, body }: ProxiedRequest): string {
  const key = headers['idempotency-key'];
  if (key !== undefined) return `key ${String(key)}`;
  const named = [method, path, headers['x-amz-target'] ?? ''];
  return createHash('sha256').update(JSON.stringify(named)).update(body).digest('base64');
}

interface Answer {
  readonly status: number;
  readonly statusMessage: string;
  readonly rawHeaders: string[];
  readonly body: Buffer;
}

function forwarder(upstream: URL) {
  const secure = upstream.protocol === 'https:';
  const agent = secure ? new SecureAgent({ keepAlive: false }) : new Agent({ keepAlive: false });
  const start = secure ? httpsRequest : httpRequest;
  return {
    send: (incoming: IncomingMessage, body: Buffer): Promise<Answer> =>
      new Promise((resolve, reject) => {
        const outgoing = start(
          {
            agent,
            hostname: upstream.hostname,
            port: upstream.port,
            method: incoming.method,
            path: incoming.url,
            // As an array the headers are written as they are, and none is added.
            headers: incoming.rawHeaders,
          },
          (answer) => {
            readAll(answer).then(
              (bytes) =>
                resolve({
                  status: answer.statusCode ?? 502,
                  statusMessage: answer.statusMessage ?? '',
                  rawHeaders: answer.rawHeaders,
                  body: bytes,
                }),
              reject,
            );
          },
        );
        outgoing.on('error', reject);
        outgoing.end(body);
      }),
    close: () => agent.destroy(),
  };
}

async function readAll(stream: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

function listen(server: ReturnType<typeof createServer>): Promise<number> {
  return new Promise((resolve, reject) => {
    server.on('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      if (address !== null && typeof address === 'object') resolve(address.port);
      else reject(new Error('the system gave no port on 127.0.0.1'));
    });
  });
}
