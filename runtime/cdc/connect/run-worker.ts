import { networkInterfaces } from 'node:os';
import { InvalidSettings } from '../../dedup/error.js';
import { sleep } from '../../dedup/sleep.js';
import { errorLine } from '../../telemetry/error-line.js';
import { logLine } from '../../telemetry/log-line.js';
import type { SqlClient } from '../pg-port.js';
import { ConnectEnded } from './errors.js';
import { startJavaWorker, type JavaWorker } from './java.js';
import { ConnectRest } from './rest.js';
import type { ConnectWorkerSettings } from './settings.js';
import { lookAtSlot } from './slot.js';
import { ConnectorWatch, type WatchOptions } from './watch.js';

export interface ConnectWorkerOptions {
  readonly settings: Omit<ConnectWorkerSettings, 'database'>;
  /** Ends the worker. */
  readonly signal: AbortSignal;
  /** Where the replication slot is looked at. @default - nobody looks, and the alarms of the slot go off */
  readonly database?: SqlClient;
  /** Folder of Connect's jars and of Debezium's. @default /opt/connect */
  readonly jars?: string;
  /** Address under which the other workers reach this one. @default - the first that is not of this machine alone */
  readonly host?: string;
  /** Between two looks after the connector. @default 10,000 */
  readonly everyMs?: number;
  /** How long a worker may take until it has joined its group. @default 180,000 */
  readonly startMs?: number;
  readonly mostRestarts?: WatchOptions['mostRestarts'];
  /** Gets what is found, as objects. @default - a line of JSON each on standard output */
  readonly log?: (line: object) => void;
}

/**
 * Runs a worker of Kafka Connect until it is to end: starts it, registers the connector, looks after it and its
 * replication slot, and starts a task again that has failed. What it finds it logs; the alarms of the ConnectService
 * construct read that.
 *
 * Any number of workers may run it, and each may be killed at any time: what is registered is the same, and Connect
 * gives the task to another one.
 *
 * @throws ConnectEnded, ConnectorFailed and ConnectRefused: end the process with an error, so that another begins
 */
export async function runConnectWorker(options: ConnectWorkerOptions): Promise<void> {
  const { settings, signal, jars = '/opt/connect', host = ownAddress(), log = logLine } = options;
  const port = portOf(settings.worker.listeners);
  const java = await startJavaWorker(jars, {
    ...settings.worker,
    'rest.advertised.host.name': host,
    'rest.advertised.port': port,
  });
  const { connector, config } = settings;
  const rest = new ConnectRest(`http://127.0.0.1:${port}`);
  const watch = new ConnectorWatch({
    ...{ connector, config, mostRestarts: options.mostRestarts },
    rest,
    workerId: `${host}:${port}`,
  });
  const over = new AbortController();
  const stop = () => {
    over.abort();
    java.stop();
  };
  signal.addEventListener('abort', stop, { once: true });
  if (signal.aborted) stop();
  try {
    await Promise.race([
      looked({ ...options, log, signal: over.signal }, rest, watch),
      endOf(java, over.signal),
    ]);
    await java.ended;
  } finally {
    signal.removeEventListener('abort', stop);
    stop();
    await java.ended;
  }
}

type Looking = ConnectWorkerOptions & Required<Pick<ConnectWorkerOptions, 'log'>>;

/** Until it is over. */
async function looked(looking: Looking, rest: ConnectRest, watch: ConnectorWatch): Promise<void> {
  const { settings, signal, database, log, everyMs = 10_000, startMs = 180_000 } = looking;
  const { connector, slot } = settings;
  const say = (line: object) => log({ exactlyOnce: 'connect', connector, ...line });
  await untilReady(rest, startMs, signal);
  if (isOver(signal)) return;
  say({ kind: 'registered', changed: await watch.register() });
  do {
    const { restarts, notRunning } = await watch.look();
    say({ kind: 'looked', notRunning, ...(restarts > 0 && { restarts }) });
    if (database !== undefined)
      say(
        await lookAtSlot(database, slot).then(
          (found) => ({ kind: 'slot', ...found }),
          (error: unknown) => ({ kind: 'slot-unknown', ...errorLine(error) }),
        ),
      );
    await untilAborted(everyMs, signal);
  } while (!isOver(signal));
}

/** Asked anew each time: a signal changes while it is waited for. */
function isOver(signal: AbortSignal): boolean {
  return signal.aborted;
}

/** At most so long. */
async function untilAborted(ms: number, signal: AbortSignal): Promise<void> {
  await new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener(
      'abort',
      () => {
        clearTimeout(timer);
        resolve();
      },
      { once: true },
    );
  });
}

async function untilReady(rest: ConnectRest, startMs: number, signal: AbortSignal): Promise<void> {
  const deadline = Date.now() + startMs;
  while (!(await rest.isReady())) {
    if (signal.aborted) return;
    if (Date.now() >= deadline)
      throw new ConnectEnded(`the worker has not joined its group within ${startMs} ms`);
    await sleep(500);
  }
}

async function endOf(java: JavaWorker, signal: AbortSignal): Promise<void> {
  const how = await java.ended;
  if (!signal.aborted)
    throw new ConnectEnded(`Kafka Connect ended by itself (${how}); its last lines say why`);
}

function portOf(listeners = ''): string {
  const [, port] = /^http:\/\/[^:]*:(\d+)$/.exec(listeners) ?? [];
  if (port === undefined)
    throw new InvalidSettings([
      `listeners of the worker is '${listeners}', must be one of http with its port`,
    ]);
  return port;
}

/** On Fargate a task has one address in its network. */
function ownAddress(): string {
  const addresses = Object.values(networkInterfaces()).flatMap((all) => all ?? []);
  // Fargate answers for the task itself at a link-local one.
  const own = addresses.find(
    ({ internal, family, address }) => !internal && family === 'IPv4' && !address.startsWith('169.254.'),
  );
  return own?.address ?? '127.0.0.1';
}
