import { randomBytes, timingSafeEqual } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { reportPage, reportPolicy } from '../html/report-page.js';
import { livePage, livePolicy, liveScript } from './live-page.js';
import type { LiveState } from './live-state.js';
import { slotsOf } from './live-view.js';

export interface LiveServer {
  /** With the token that opens it. */
  readonly link: string;
  /** Without: for a link from a page of this machine, in a browser that was let in. */
  readonly url: string;
  /** Sends the last figures, and ends. */
  stop(): Promise<void>;
}

const tellEveryMs = 1_000;
const cookieName = 'exactly-once-run';

/**
 * Serves the live page of a run on a free port of 127.0.0.1, to whoever has its link: others on this machine and
 * other sites in the same browser are refused.
 */
export async function startLiveServer(state: () => LiveState): Promise<LiveServer> {
  const token = randomBytes(24).toString('base64url');
  const streams = new Set<ServerResponse>();
  const tell = () => {
    const event = `data: ${JSON.stringify(slotsOf(state()))}\n\n`;
    for (const stream of streams) stream.write(event);
  };
  const server = createServer((request, response) => {
    answer(request, response, token, state, (stream) => {
      streams.add(stream);
      stream.on('close', () => streams.delete(stream));
      tell();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const timer = setInterval(tell, tellEveryMs);
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  return {
    ...{ url, link: `${url}?token=${token}` },
    async stop() {
      clearInterval(timer);
      tell();
      for (const stream of streams) stream.end();
      server.closeIdleConnections();
      await new Promise((resolve) => {
        server.close(resolve);
        setTimeout(() => server.closeAllConnections(), 500).unref();
      });
    },
  };
}

function answer(
  { method, url = '/', headers }: IncomingMessage,
  response: ServerResponse,
  token: string,
  state: () => LiveState,
  stream: (response: ServerResponse) => void,
): void {
  const send = (status: number, type: string, body: string, more: Record<string, string> = {}) =>
    response.writeHead(status, { ...safe, 'content-type': `${type}; charset=utf-8`, ...more }).end(body);
  // Any page in any browser can ask for '//', which is no address, and nobody may end the run so.
  const address = URL.parse(url, 'http://127.0.0.1');
  // A name of somebody else that leads here is not this page's (DNS rebinding).
  if (!/^127\.0\.0\.1:\d+$/.test(headers.host ?? '')) return void send(421, 'text/plain', 'wrong host\n');
  if (method !== 'GET') return void send(405, 'text/plain', 'only GET\n');
  if (address === null) return void send(400, 'text/plain', 'no address\n');
  const { pathname, searchParams } = address;
  const given = searchParams.get('token');
  if (given !== null && same(given, token)) {
    const cookie = `${cookieName}=${token}; Path=/; HttpOnly; SameSite=Lax`;
    return void send(303, 'text/plain', '', { location: '/', 'set-cookie': cookie });
  }
  if (!same(cookieIn(headers.cookie), token))
    return void send(403, 'text/plain', 'open the link that the terminal shows\n');
  const now = state();
  if (pathname === '/') send(200, 'text/html', livePage(now), { 'content-security-policy': livePolicy });
  else if (pathname === '/live.js') send(200, 'text/javascript', liveScript);
  else if (pathname === '/report' && now.report !== undefined)
    send(200, 'text/html', reportPage(now.report), { 'content-security-policy': reportPolicy });
  else if (pathname === '/events')
    stream(response.writeHead(200, { ...safe, 'content-type': 'text/event-stream' }));
  else send(404, 'text/plain', 'not found\n');
}

const safe = {
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'cache-control': 'no-store',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
};

function cookieIn(cookies = ''): string {
  const start = `${cookieName}=`;
  return (
    cookies
      .split('; ')
      .find((one) => one.startsWith(start))
      ?.slice(start.length) ?? ''
  );
}

function same(given: string, wanted: string): boolean {
  const [one, other] = [Buffer.from(given), Buffer.from(wanted)];
  return one.length === other.length && timingSafeEqual(one, other);
}
