import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import type { PageRequest, PageResponse } from '../../runtime/webhook/page/index.js';

/** A form of the page is far below it. */
const maxBodyBytes = 64 * 1024;

/** Serves the page by HTTP on this machine, as a function URL serves it on AWS. Only for requests to 127.0.0.1. */
export function servePage(page: (request: PageRequest) => Promise<PageResponse>): RequestListener {
  return (request, response) => {
    void answer(page, request, response).catch(() => {
      if (!response.headersSent) response.writeHead(500, { 'content-type': 'text/plain' });
      response.end('the page failed: see the terminal\n');
    });
  };
}

async function answer(
  page: (request: PageRequest) => Promise<PageResponse>,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { host = '', cookie = '' } = request.headers;
  // A name of somebody else that leads here is not this page's: otherwise it could be asked from any site.
  if (!/^127\.0\.0\.1:\d+$/.test(host)) {
    response.writeHead(421).end();
    return;
  }
  const [rawPath = '/', rawQueryString = ''] = (request.url ?? '/').split('?', 2);
  const { statusCode, headers, cookies, body } = await page({
    ...{ rawPath, rawQueryString, body: await bodyOf(request) },
    cookies: cookie.split('; ').filter((one) => one !== ''),
    requestContext: { http: { method: request.method ?? 'GET' } },
  });
  for (const [name, value] of Object.entries(headers))
    // There is no TLS on this machine to be strict about.
    if (name !== 'strict-transport-security') response.setHeader(name, value);
  if (cookies !== undefined) response.setHeader('set-cookie', [...cookies]);
  response.writeHead(statusCode).end(body);
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > maxBodyBytes) throw new Error('the form is too large');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}
