import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { serve, type Server } from './server.js';

/** One mistake per check of the conformance suite, by the id of the check that has to find it. */
export type Mistake = string;

interface Saved {
  readonly status: number;
  readonly headers: Record<string, string>;
  readonly body: string;
}

interface Entry {
  readonly payload: string;
  readonly saved: Promise<Saved>;
  ended: boolean;
}

function entryOf(payload: string, saved: Promise<Saved>): Entry {
  const entry: Entry = { payload, saved, ended: false };
  void saved.then(() => (entry.ended = true));
  return entry;
}

/** An API with Idempotency-Keys in memory, written anew after the draft. It makes the given mistake, and no other. */
export function startBadServer(mistake: Mistake | undefined): Promise<Server> {
  const entries = new Map<string, Entry>();
  const is = (id: Mistake) => mistake === id;

  const act = async (): Promise<Saved> => {
    // A wrong replay is one of a request that has ended: those that are at once must all come before its end.
    await sleep(is('replay-body') ? 150 : 20);
    return {
      status: 201,
      headers: { 'content-type': 'application/json', location: '/things/1', 'set-cookie': 's=1' },
      body: JSON.stringify({ id: randomUUID() }),
    };
  };

  const refusal = (status: number, title: string): Saved => ({
    status,
    headers: { 'content-type': is('refusals-explained') ? 'text/plain' : 'application/problem+json' },
    body: JSON.stringify({ type: 'https://bad.example/problem', title }),
  });

  const keyOf = (fields: readonly string[]): string | undefined | Saved => {
    const malformed = refusal(400, 'malformed');
    if (fields.length === 0) return is('key-required') ? randomUUID() : undefined;
    if (fields.length > 1) return is('key-once') ? fields[0] : malformed;
    const [text = ''] = fields;
    const string = /^"((?:[^"\\]|\\["\\])*)"$/.exec(text)?.[1];
    if (string === undefined && text.startsWith('"'))
      return is('key-unterminated') ? randomUUID() : malformed;
    if (string === undefined) return is('key-bare') ? `bare ${text}` : text;
    if (is('key-string-syntax') && /[ \\]/.test(string)) return malformed;
    const key = string.replace(/\\(["\\])/g, '$1');
    if (key === '') return is('key-not-empty') ? key : malformed;
    if (key.length > 255) return is('key-not-too-long') ? key : malformed;
    if (key.length === 255 && is('key-longest')) return malformed;
    return is('key-case') ? key.toLowerCase() : key;
  };

  const answer = async (caller: string, fields: readonly string[], payload: string): Promise<Saved> => {
    const key = keyOf(fields);
    if (key === undefined) return refusal(400, 'missing');
    if (typeof key !== 'string') return key;
    const scope = is('callers-apart') ? key : `${caller} ${key}`;
    const unreadable = payload === '{';
    const before = entries.get(scope);
    if (before !== undefined) {
      if (is('concurrent') && (await Promise.race([before.saved, sleep(0)])) === undefined) return act();
      if (before.payload !== payload && !is('reuse-refused')) {
        if (is('reuse-changes-nothing')) entries.set(scope, entryOf(payload, act()));
        return refusal(422, 'reused');
      }
      const { ended } = before;
      return replayed(await before.saved, ended);
    }
    if (unreadable && !is('refusal-not-saved')) return refusal(400, 'no JSON');
    const saved = unreadable ? Promise.resolve(refusal(400, 'no JSON')) : act();
    entries.set(scope, entryOf(payload, saved));
    return saved;
  };

  const replayed = ({ status, headers, body }: Saved, late: boolean): Saved => {
    const { 'set-cookie': cookie, ...kept } = headers;
    if (is('replay-without-cookies') && cookie !== undefined) kept['set-cookie'] = cookie;
    if (is('replay-headers')) delete kept.location;
    if (!is('replay-marked')) kept['idempotent-replayed'] = 'true';
    return {
      status: is('replay-status') ? 200 : status,
      headers: kept,
      body: is('replay-body') && late ? `${body} ` : body,
    };
  };

  return serve(async (request, body, response) => {
    if (request.method === 'GET') {
      response.writeHead(is('reads-need-no-key') ? 400 : 200).end();
      return;
    }
    const fields: string[] = [];
    for (let i = 0; i < request.rawHeaders.length; i += 2)
      if (request.rawHeaders[i]?.toLowerCase() === 'idempotency-key')
        fields.push(request.rawHeaders[i + 1] ?? '');
    const {
      status,
      headers,
      body: text,
    } = await answer(request.headers.authorization ?? '', fields, body.toString());
    response.writeHead(status, headers).end(text);
  });
}
