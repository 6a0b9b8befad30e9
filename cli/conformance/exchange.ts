import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { CliError } from '../cli-error.js';

/** What goes over the wire. Header fields in order, so that one name may come twice. */
export interface Exchange {
  readonly method: string;
  readonly url: URL;
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body?: string;
}

export interface Answer {
  readonly status: number;
  /** By lower-case name; several lines are joined with `, `. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/**
 * One request, sent exactly as given: `fetch` would join header fields of one name.
 *
 * @throws CliError when no answer comes within the time.
 */
export async function exchange(asked: Exchange, timeoutMs: number): Promise<Answer> {
  const { method, url, headers, body } = asked;
  const send = url.protocol === 'https:' ? httpsRequest : httpRequest;
  const length: [string, string][] =
    body === undefined ? [] : [['Content-Length', String(Buffer.byteLength(body))]];
  const fields = [['Host', url.host], ...length, ...headers].flat();
  return new Promise((resolve, reject) => {
    const failed = (cause: Error) =>
      reject(
        new CliError(
          `no answer from ${url.origin}: ${cause.message || cause.name}; is it running and reachable?`,
          {
            cause,
          },
        ),
      );
    const signal = AbortSignal.timeout(timeoutMs);
    const outgoing = send(url, { method, headers: fields, signal, agent: false }, (incoming) => {
      const chunks: Buffer[] = [];
      incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
      incoming.on('error', failed);
      incoming.on('end', () => {
        const joined = Object.entries(incoming.headers).map(([name, value = '']): [string, string] => [
          name,
          Array.isArray(value) ? value.join(', ') : value,
        ]);
        resolve({
          status: incoming.statusCode ?? 0,
          headers: Object.fromEntries(joined),
          body: Buffer.concat(chunks).toString('base64'),
        });
      });
    });
    outgoing.on('error', failed);
    outgoing.end(body);
  });
}
