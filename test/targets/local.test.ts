import { DeleteQueueCommand, GetQueueUrlCommand, SQSClient } from '@aws-sdk/client-sqs';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describeEmbedded } from '../../targets/embedded/index.js';
import { play, stop } from '../../targets/local/control.js';
import { holdLocal } from '../../targets/local/holder.js';
import {
  LocalRunsError,
  makeStateFolder,
  readState,
  removeState,
  writeState,
  type LocalState,
} from '../../targets/local/state.js';
import { Lab, type Bench } from './kit/lab.js';

let project: string;
beforeEach(async () => {
  project = await mkdtemp(join(tmpdir(), 'local-'));
  await makeStateFolder(project);
});
afterEach(async () => {
  await rm(project, { recursive: true, force: true });
});

/** Answers as the process of a state does. */
async function answering(onStop: () => unknown = () => undefined) {
  const server = createServer((request, response) => {
    if (request.method === 'POST') void onStop();
    response.writeHead(200).end('{}');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return { control: `http://127.0.0.1:${port}/x`, close: () => server.close().closeAllConnections() };
}

async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  for (const last = Date.now() + 30_000; !(await holds());) {
    if (Date.now() > last) throw new Error('it has not come to be within 30 s');
    await sleep(100);
  }
}

test('who ends one emulator of a project forgets none that has been started there since', async () => {
  const ending = spawn(process.execPath, ['-e', 'setInterval(() => undefined, 1000)']);
  const later = await answering();
  const next: LocalState = { pid: process.pid, endpoint: 'http://127.0.0.1:1', control: later.control };
  // The first one takes itself out of the list, somebody starts another, and only then the first one is gone.
  const first = await answering(async () => {
    await removeState(project, ending.pid);
    await writeState(project, next);
    ending.kill();
  });
  try {
    const state = { pid: ending.pid ?? 0, endpoint: 'http://127.0.0.1:1', control: first.control };
    await writeState(project, state);
    await stop(project, state);
    expect(await readState(project)).toEqual(next);
    await removeState(project, ending.pid);
    expect(await readState(project)).toEqual(next);
    await expect(writeState(project, state)).rejects.toThrow(LocalRunsError);
    expect(await readState(project)).toEqual(next);
    await removeState(project, process.pid);
    expect(await readState(project)).toBeUndefined();
  } finally {
    ending.kill();
    first.close();
    later.close();
  }
});

test('two deployments at once are played by one runner; a queue that is gone is told', async () => {
  const lines: string[] = [];
  const { ended } = await holdLocal(project, (line) => lines.push(line));
  const state = (await readState(project))!;
  const target = describeEmbedded(state.endpoint);
  const [lab, sqs] = [new Lab(target), new SQSClient(target.client)];
  try {
    await lab.open();
    const bench = await lab.bench({
      fifo: false,
      visibilitySeconds: 30,
      functionTimeoutSeconds: 10,
      behaviour: async (_, { sleep: wait }) => {
        await wait(1000);
      },
      mapping: { BatchSize: 1, ScalingConfig: { MaximumConcurrency: 2 } },
    });
    const both = await Promise.all([play(state), play(state)]);
    expect(both).toEqual([[expect.objectContaining({ functionName: bench.name })], both[0]]);
    await bench.send(...Array.from({ length: 8 }, (_, n) => ({ body: String(n) })));
    await until(() => isEmpty(bench));
    const seen = await bench.seen();
    expect(seen).toHaveLength(8);
    expect(Math.max(...seen.map(({ running }) => running))).toBe(2);

    const { QueueUrl } = await sqs.send(new GetQueueUrlCommand({ QueueName: bench.name }));
    await sqs.send(new DeleteQueueCommand({ QueueUrl }));
    await until(() => lines.some((line) => /stopped reading .*; deploy again to play it$/.test(line)));
  } finally {
    sqs.destroy();
    // The emulator goes, and with it all that the lab has made.
    process.emit('SIGHUP');
    await ended;
  }
  expect(await readState(project)).toBeUndefined();
});

async function isEmpty(bench: Bench): Promise<boolean> {
  const { visible, hidden, delayed } = await bench.left();
  return visible + hidden + delayed === 0;
}
