import { randomUUID } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { startEmbedded, startEventSourceRunner, type EmbeddedTarget } from '../embedded/index.js';
import type { EventSourceRunner, Invocation } from '../event-source/index.js';
import { messageOf } from '../message-of.js';
import { removeState, writeState } from './state.js';

/** What a runner plays: a source, and who is called. */
export interface Played {
  readonly source: string;
  readonly functionName: string;
}

/**
 * Holds the emulator and the event-source runner of a project until it is told to stop, by `POST /stop` on its
 * control address or by a signal. `POST /play` reads the mappings anew and plays them.
 *
 * @param log a line for each thing that happens, invocations among them
 * @returns when emulator and runner are ready for a first deployment; `ended` settles at the end of both
 * @throws what `startEmbedded` throws; LocalRunsError when another process holds one for the project
 */
export async function holdLocal(
  project: string,
  log: (line: string) => void,
): Promise<{ readonly ended: Promise<void> }> {
  const target = await startEmbedded({ log });
  let runner: EventSourceRunner | undefined;
  let last: Promise<unknown> = Promise.resolve();
  /** One after the other: of two that start side by side, one would never be stopped, and each take what is left. */
  const play = (): Promise<Played[]> => {
    const playing = last.then(async () => {
      await runner?.stop();
      runner = await startEventSourceRunner(target, {
        onInvocation: (one) => log(invocationLine(one)),
        onStopped: ({ message }) => log(`${new Date().toISOString()} ${message}; deploy again to play it`),
      });
      return played(runner);
    });
    last = playing.catch(() => undefined);
    return playing;
  };
  let end: () => void = () => undefined;
  const stopping = new Promise<void>((resolve) => (end = resolve));
  const server = await control({ play, stop: end });
  const { port } = server.address() as AddressInfo;
  try {
    const { endpoint } = target;
    await writeState(project, {
      pid: process.pid,
      endpoint,
      control: `http://127.0.0.1:${port}${server.path}`,
    });
  } catch (error) {
    server.close();
    await target.stop();
    throw error;
  }
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, end);
  return { ended: untilStopped(project, target, stopping, () => runner, server, log) };
}

async function untilStopped(
  project: string,
  target: EmbeddedTarget,
  stopping: Promise<void>,
  runner: () => EventSourceRunner | undefined,
  server: Server,
  log: (line: string) => void,
): Promise<void> {
  const death = await Promise.race([stopping, target.ended]);
  if (death !== undefined) log(death.message);
  // First, so that nobody is sent to one that is ending.
  await removeState(project, process.pid);
  await runner()
    ?.stop()
    .catch((error: unknown) => log(messageOf(error)));
  await target.stop();
  server.closeAllConnections();
  server.close();
}

interface Controls {
  readonly play: () => Promise<Played[]>;
  readonly stop: () => void;
}

/** On this machine only, below a path that nobody guesses: other users of it are not to stop anything. */
async function control({ play, stop }: Controls): Promise<Server & { readonly path: string }> {
  const path = `/${randomUUID()}`;
  const server = createServer((request, response) => {
    const answer = (status: number, body: unknown = {}) =>
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    switch (`${request.method ?? ''} ${request.url ?? ''}`) {
      case `GET ${path}`:
        answer(200);
        break;
      case `POST ${path}/play`:
        play().then(
          (played) => answer(200, played),
          (error: unknown) => answer(500, { message: messageOf(error) }),
        );
        break;
      case `POST ${path}/stop`:
        answer(200);
        stop();
        break;
      default:
        answer(404);
    }
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  return Object.assign(server, { path });
}

function played({ mappings, streamMappings }: EventSourceRunner): Played[] {
  return [
    ...mappings.map(({ queueArn, functionName }) => ({ source: queueArn, functionName })),
    ...streamMappings.map(({ streamArn, functionName }) => ({ source: streamArn, functionName })),
  ];
}

function invocationLine({ functionName, outcome, functionError, logTail }: Invocation): string {
  const error = functionError === undefined ? '' : ` ${functionError}\n${logTail}`;
  return `${new Date().toISOString()} ${functionName}: ${outcome}${error}`;
}
