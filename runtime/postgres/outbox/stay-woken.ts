import type { ClientConfig } from 'pg';
import { importPg } from './packages.js';
import type { RunningRelay } from './polling-relay.js';
import { Pause } from './round-clock.js';
import { listen } from './wake.js';

export interface StayWokenOptions {
  readonly signal: AbortSignal;
  readonly schema?: string;
  /** Told of a connection that could not be made, or broke. */
  readonly tell: (error: unknown) => void;
}

/** Before a connection is made anew. */
const againMs = 1_000;
/** A connection that nothing comes through looks like one that is dead: how often it is asked. */
const askMs = 30_000;
/** What has no answer by then is dead. */
const answerMs = 10_000;

/** Keeps a connection that listens, and makes a new one whenever it ends, until the signal. */
export async function stayWoken(
  connection: ClientConfig,
  relay: Pick<RunningRelay, 'wake'>,
  options: StayWokenOptions,
): Promise<void> {
  const { signal, tell } = options;
  const pause = stoppedBy(signal, againMs);
  while (!signal.aborted) {
    await listenUntilItEnds(connection, relay, options).catch(tell);
    await pause.over();
  }
}

async function listenUntilItEnds(
  connection: ClientConfig,
  relay: Pick<RunningRelay, 'wake'>,
  { signal, schema }: StayWokenOptions,
): Promise<void> {
  const { Client } = await importPg('a relay that listens');
  const limits = { connectionTimeoutMillis: answerMs, query_timeout: answerMs, keepAlive: true };
  const client = new Client({ ...limits, ...connection });
  const pause = new Pause(askMs);
  const stop = () => pause.stop();
  signal.addEventListener('abort', stop, { once: true });
  const broken: unknown[] = [];
  client.on('error', (error) => {
    broken.push(error);
    stop();
  });
  client.on('end', stop);
  try {
    await client.connect();
    await listen(client, relay, schema);
    // Of what was published before, nobody told.
    relay.wake();
    await pause.over();
    while (!pause.stopped) {
      await client.query('SELECT');
      await pause.over();
    }
  } finally {
    signal.removeEventListener('abort', stop);
    await client.end().catch(() => undefined);
  }
  if (broken.length > 0) throw broken[0];
}

/** A pause that is over for ever when the signal comes. */
export function stoppedBy(signal: AbortSignal, ms: number): Pause {
  const pause = new Pause(ms);
  if (signal.aborted) pause.stop();
  signal.addEventListener('abort', () => pause.stop(), { once: true });
  return pause;
}
