import { Agent as HttpAgent, request as httpRequest, type IncomingMessage } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import { unlessAborted } from '../../dedup/unless-aborted.js';
import { destinationOf, type Destination, type Guard } from './guard/destination.js';
import { retryAfterMs } from './schedule.js';
import { AttemptTimedOut, verdictOf, type Attempted } from './verdict.js';

export interface PostLimits {
  /** For everything, from the look-up of the name to the status. */
  readonly timeoutMs: number;
  /** Bytes of the answer that are kept. The rest is not read. */
  readonly maxAnswerBytes: number;
}

/** What a delivery is as a request. */
export interface Post {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** How long an answer's body may take once its status is known: it decides nothing. */
const answerMs = 1_000;

/**
 * Posts deliveries over connections that are kept. Follows no redirect, connects only to an address that the guard
 * has checked for this very attempt, and reads no more than it may.
 */
export class Poster {
  // A hanging endpoint must not take the connections of others, so their number is bounded by the caps, not here.
  readonly #http = new HttpAgent({ keepAlive: true, timeout: 60_000 });
  readonly #https = new HttpsAgent({ keepAlive: true, timeout: 60_000 });
  readonly #guard: Guard;
  readonly #limits: PostLimits;

  constructor(guard: Guard, limits: PostLimits) {
    this.#guard = guard;
    this.#limits = limits;
  }

  /** Never throws: what goes wrong is what came of the attempt. */
  async post(post: Post, now: () => number = Date.now): Promise<Attempted> {
    const began = performance.now();
    const spent = () => Math.round(performance.now() - began);
    try {
      const { headers, statusCode = 0, answer } = await this.#exchange(post, began);
      return {
        status: statusCode,
        answer,
        retryAfterMs: retryAfterMs(headers['retry-after'], now()),
        replayed: String(headers['idempotent-replayed']).trim().toLowerCase() === 'true',
        durationMs: spent(),
      };
    } catch (error) {
      return { error, durationMs: spent() };
    }
  }

  close(): void {
    this.#http.destroy();
    this.#https.destroy();
  }

  async #exchange(post: Post, began: number) {
    const over = new AbortController();
    const timer = setTimeout(() => over.abort(), this.#limits.timeoutMs);
    try {
      const response = await this.#send(post, over.signal);
      const left = Math.min(answerMs, this.#limits.timeoutMs - (performance.now() - began));
      const answer = await beginningOf(response, this.#limits.maxAnswerBytes, left);
      return { headers: response.headers, statusCode: response.statusCode, answer };
    } catch (cause) {
      throw over.signal.aborted
        ? new AttemptTimedOut('the endpoint did not answer in time', { cause })
        : cause;
    } finally {
      clearTimeout(timer);
    }
  }

  async #send(post: Post, signal: AbortSignal): Promise<IncomingMessage> {
    const late = () => new AttemptTimedOut();
    const to = await unlessAborted(destinationOf(post.url, this.#guard), signal, late);
    const { others } = to;
    let failure: unknown;
    for (const [i, address] of [to.address, ...others].entries()) {
      const { asking, response } = this.#ask(post, { ...to, address }, signal, i < others.length);
      try {
        return await unlessAborted(response, signal, late);
      } catch (error) {
        // What an address of the endpoint says counts before what this side cannot reach.
        if (failure === undefined || verdictOf({ error: failure, durationMs: 0 }).kind === 'ours')
          failure = error;
        const { code } = Object(error) as { code?: unknown };
        // The other side has most likely closed a kept connection at the moment of its use, without seeing the
        // request. If it did act, the request comes again under the same `webhook-id`, as after any lost answer.
        if (asking.reusedSocket && code === 'ECONNRESET') return this.#send(post, signal);
        // Nothing was sent to this address: another one of the name may be up.
        if (!notConnected.has(code)) throw error;
      }
    }
    throw failure;
  }

  #ask(
    { headers, body }: Post,
    { url, address, servername }: Destination,
    signal: AbortSignal,
    othersAreLeft: boolean,
  ) {
    const secure = url.protocol === 'https:';
    const asking = (secure ? httpsRequest : httpRequest)({
      agent: secure ? this.#https : this.#http,
      // A literal: nothing is looked up again between the check and the connection.
      host: address,
      port: url.port === '' ? undefined : url.port,
      path: url.pathname + url.search,
      method: 'POST',
      headers: { ...headers, host: url.host, 'content-length': Buffer.byteLength(body) },
      signal,
      ...(secure && { servername: servername ?? '' }),
    });
    if (othersAreLeft)
      asking.on('socket', (socket) => {
        if (!socket.connecting) return;
        const timer = setTimeout(() => asking.destroy(new NoConnection()), connectMs);
        socket.once('connect', () => clearTimeout(timer)).once('close', () => clearTimeout(timer));
      });
    const response = new Promise<IncomingMessage>((resolve, reject) => {
      asking.on('response', resolve).on('error', reject).end(body);
    });
    return { asking, response };
  }
}

/** How long a connection to one address of several may take to come about. */
const connectMs = 1_000;

/** An address does not answer, and another one of its name is tried. */
class NoConnection extends Error {
  readonly code = 'ENOCONNECTION';
}

/** No connection came about, so that nothing was sent. */
const notConnected: ReadonlySet<unknown> = new Set([
  'EADDRNOTAVAIL',
  'ECONNREFUSED',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOCONNECTION',
]);

/** At most so many bytes of a body. What comes after them, or too slowly, is cut off with its connection. */
async function beginningOf(response: IncomingMessage, most: number, forMs: number): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  const timer = setTimeout(() => response.destroy(), Math.max(1, forMs));
  try {
    for await (const chunk of response as AsyncIterable<Buffer>) {
      chunks.push(chunk.subarray(0, most - bytes));
      bytes += chunk.length;
      if (bytes >= most) break;
    }
  } catch {
    // The status has come; a body that breaks off changes nothing.
  } finally {
    clearTimeout(timer);
    if (!response.complete) response.destroy();
  }
  return Buffer.concat(chunks).toString('utf8');
}
