import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** What one endpoint has seen. */
export interface SubscriberFigures {
  readonly id: string;
  /** How it behaves, for people. */
  readonly manner: string;
  readonly arrived: number;
  readonly acted: number;
  /** Came again after it had acted, and did nothing. */
  readonly suppressed: number;
}

export interface Subscribers {
  readonly endpoints: readonly { readonly id: string; readonly url: string }[];
  figures(): readonly SubscriberFigures[];
  stop(): Promise<void>;
}

interface Manner {
  readonly id: string;
  readonly manner: string;
  /** What an arrival comes to: `lost` acts and does not answer. */
  answer(arrival: number, ageMs: number): 'taken' | 'lost' | 503 | 500;
}

const repairedMs = 60_000;

/** Three endpoints, as they are: none of them is reliable. */
const manners: readonly Manner[] = [
  {
    ...{ id: 'warehouse', manner: 'acts, and loses every tenth answer' },
    answer: (arrival) => (arrival % 10 === 0 ? 'lost' : 'taken'),
  },
  {
    ...{ id: 'bookkeeping', manner: 'answers 503 to its first 20 requests' },
    answer: (arrival) => (arrival <= 20 ? 503 : 'taken'),
  },
  {
    ...{ id: 'crm', manner: 'answers 500 for a minute, then is repaired' },
    answer: (_, ageMs) => (ageMs < repairedMs ? 500 : 'taken'),
  },
];

/**
 * Endpoints of webhooks on this machine. Each remembers `webhook-id`: what comes again after it has acted does
 * nothing, and is answered with `Idempotent-Replayed: true`.
 */
export async function startSubscribers(clock: () => number = Date.now): Promise<Subscribers> {
  const began = clock();
  const states = new Map(
    manners.map(({ id }) => [id, { arrived: 0, suppressed: 0, known: new Set<string>() }]),
  );
  const server = createServer((request, response) => {
    request.resume().on('end', () => {
      const manner = manners.find(({ id }) => request.url === `/${id}`);
      const state = manner && states.get(manner.id);
      if (manner === undefined || state === undefined) response.writeHead(404).end();
      else serve(manner, state, clock() - began, request, response);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    endpoints: manners.map(({ id }) => ({ id, url: `http://127.0.0.1:${port}/${id}` })),
    figures: () =>
      manners.map(({ id, manner }) => {
        const { arrived = 0, suppressed = 0, known } = states.get(id) ?? {};
        return { id, manner, arrived, suppressed, acted: known?.size ?? 0 };
      }),
    async stop() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function serve(
  manner: Manner,
  state: { arrived: number; suppressed: number; readonly known: Set<string> },
  ageMs: number,
  request: IncomingMessage,
  response: ServerResponse,
): void {
  state.arrived += 1;
  const answer = manner.answer(state.arrived, ageMs);
  if (typeof answer === 'number') {
    response.writeHead(answer).end(`${manner.id} cannot take it now`);
    return;
  }
  const id = String(request.headers['webhook-id']);
  const again = state.known.has(id);
  if (again) state.suppressed += 1;
  state.known.add(id);
  if (answer === 'lost') request.socket.destroy();
  else response.writeHead(200, again ? { 'idempotent-replayed': 'true' } : {}).end();
}
