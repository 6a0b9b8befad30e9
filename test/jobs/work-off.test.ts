import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  DeleteMessageCommand,
  ReceiveMessageCommand,
  SendMessageCommand,
  type SQSClient,
} from '@aws-sdk/client-sqs';
import { taskProtection, workOff } from '../../runtime/jobs/index.js';
import type { SqsConsumer } from '../../runtime/sqs/index.js';
import { sqs as newSqs } from '../fixtures/queue.js';
import { newQueue, waitingIn } from './job-bench.js';

const sqs = newSqs();
const queueArn = 'arn:aws:sqs:us-east-1:000000000000:jobs';
let queueUrl: string;
beforeEach(async () => {
  queueUrl = await newQueue(sqs);
});
afterAll(() => sqs.destroy());

/** The queue, which fails at the given receives, or other calls, counted from 1. */
function failing(
  at: (receive: number, abortSignal?: AbortSignal) => string | undefined | Promise<string | undefined>,
  kind: abstract new (...args: never[]) => object = ReceiveMessageCommand,
): SQSClient {
  let calls = 0;
  const send: typeof sqs.send = async (...args: unknown[]) => {
    if (args[0] instanceof kind) {
      const name = await at((calls += 1), (args[1] as { abortSignal?: AbortSignal }).abortSignal);
      if (name !== undefined) throw Object.assign(new Error('no'), { name });
    }
    return (sqs.send as (...all: unknown[]) => Promise<never>).apply(sqs, args);
  };
  return Object.create(sqs, { send: { value: send } }) as SQSClient;
}

async function enqueue(...bodies: string[]): Promise<void> {
  for (const MessageBody of bodies)
    await sqs.send(new SendMessageCommand({ QueueUrl: queueUrl, MessageBody }));
}

/** Works until the queue is empty or enough is done, and says what was done. */
async function worked(
  client: SQSClient,
  agent?: string,
  during: (body: string) => Promise<void> | void = () => undefined,
  enough = Infinity,
): Promise<string[]> {
  const done: string[] = [];
  const stop = new AbortController();
  const worker: SqsConsumer = async ({ Records: [record] }) => {
    await during(record?.body ?? '');
    done.push(record?.body ?? '');
    return { batchItemFailures: [] };
  };
  const protection = taskProtection({ ECS_AGENT_URI: agent });
  const ended = workOff(worker, {
    ...{ sqs: client, queueUrl, queueArn, signal: stop.signal, protection, waitTimeSeconds: 1 },
  });
  const over = ended.then(
    () => true,
    () => true,
  );
  while (done.length < enough && (await waitingIn(sqs, queueUrl)) > 0)
    if (await Promise.race([over, sleep(20)])) break;
  stop.abort();
  await ended;
  return done;
}

test('a receive that fails is tried again', async () => {
  await enqueue('a', 'b');
  const lines = jest.spyOn(process.stdout, 'write').mockReturnValue(true);
  const done = await worked(failing((receive) => (receive % 2 === 1 ? 'ServiceUnavailable' : undefined)));
  const said = lines.mock.calls.map(([line]) => String(line));
  lines.mockRestore();
  expect(done.sort()).toEqual(['a', 'b']);
  expect(said.join('')).toContain('{"exactlyOnce":"jobs not received","error":"ServiceUnavailable"');
});

test('a worker that throws ends nothing', async () => {
  await enqueue('a', 'b');
  let thrown = 0;
  const lines = jest.spyOn(process.stdout, 'write').mockReturnValue(true);
  const stop = new AbortController();
  const worker: SqsConsumer = () => {
    thrown += 1;
    return Promise.reject(new Error('out of order'));
  };
  const ended = workOff(worker, {
    ...{ sqs, queueUrl, queueArn, signal: stop.signal, protection: taskProtection({}), waitTimeSeconds: 1 },
  });
  while (thrown < 2) await sleep(20);
  stop.abort();
  await ended;
  lines.mockRestore();
});

test('where no try can help, the jobs that run are waited for, and the process is told', async () => {
  await enqueue('long');
  let ended = false;
  let begun: () => void = () => undefined;
  const hasBegun = new Promise<void>((resolve) => (begun = resolve));
  const worker: SqsConsumer = async () => {
    begun();
    await sleep(500);
    ended = true;
    return { batchItemFailures: [] };
  };
  const client = failing((receive) => (receive > 1 ? hasBegun.then(() => 'QueueDoesNotExist') : undefined));
  const stop = new AbortController();
  const options = { sqs: client, queueUrl, queueArn, signal: stop.signal, protection: taskProtection({}) };
  await expect(workOff(worker, { ...options, concurrency: 2 })).rejects.toThrow('no');
  expect(ended).toBe(true);
});

test('a stop takes no job with it: what a receive under way still brings goes back to the queue', async () => {
  const stop = new AbortController();
  const protection = taskProtection({});
  const done: string[] = [];
  const worker: SqsConsumer = ({ Records: [record] }) => {
    done.push(record?.body ?? '');
    return Promise.resolve({ batchItemFailures: [] });
  };
  let receives: () => void = () => undefined;
  const isReceiving = new Promise<void>((resolve) => (receives = resolve));
  const ended = workOff(worker, {
    ...{
      sqs: failing(() => {
        receives();
        return undefined;
      }),
      queueUrl,
      queueArn,
      signal: stop.signal,
      protection,
      waitTimeSeconds: 5,
    },
  });
  await isReceiving;
  // It is on its way.
  await sleep(300);
  stop.abort();
  await enqueue('late');
  await ended;
  expect(done).toEqual([]);
  // Whatever was taken from the queue and not given back is hidden for 30 s, which is the queue's own time.
  const { Messages = [] } = await sqs.send(
    new ReceiveMessageCommand({ QueueUrl: queueUrl, WaitTimeSeconds: 10 }),
  );
  expect(Messages.map(({ Body }) => Body)).toEqual(['late']);
});

test.each([ReceiveMessageCommand, DeleteMessageCommand].map((kind) => [kind.name, kind] as const))(
  'a call that is never answered is given up: %s',
  async (_, kind) => {
    await enqueue('a', 'b');
    const lines = jest.spyOn(process.stdout, 'write').mockReturnValue(true);
    const neverAtFirst = async (call: number, abortSignal?: AbortSignal) => {
      if (call > 1) return undefined;
      if (abortSignal === undefined) return new Promise<never>(() => undefined);
      await once(abortSignal, 'abort');
      return 'AbortError';
    };
    const done = await worked(failing(neverAtFirst, kind), undefined, undefined, 2);
    lines.mockRestore();
    expect(done.sort()).toEqual(['a', 'b']);
  },
);

test.each([
  [{ concurrency: 0 }, 'concurrency must be a whole number of 1 or more, got 0'],
  [{ concurrency: 1.5 }, 'concurrency must be a whole number of 1 or more, got 1.5'],
  [{ waitTimeSeconds: 21 }, 'waitTimeSeconds must be a whole number from 0 to 20, got 21'],
  [{ waitTimeSeconds: -1 }, 'waitTimeSeconds must be a whole number from 0 to 20, got -1'],
])('%j is refused', async (settings, why) => {
  const signal = AbortSignal.abort();
  const protection = taskProtection({});
  const worker: SqsConsumer = () => Promise.resolve({ batchItemFailures: [] });
  await expect(workOff(worker, { sqs, queueUrl, queueArn, signal, protection, ...settings })).rejects.toThrow(
    why,
  );
});

describe('the protection of an ECS task', () => {
  let agent: Server;
  let uri: string;
  const said: { ProtectionEnabled: boolean; ExpiresInMinutes?: number }[] = [];
  let refusals = 0;

  beforeEach(async () => {
    said.length = 0;
    refusals = 0;
    agent = createServer((request, response) => {
      let text = '';
      request.on('data', (chunk: Buffer) => (text += chunk.toString()));
      request.on('end', () => {
        if (`${request.method} ${request.url}` !== 'PUT /api/a/task-protection/v1/state') {
          response.writeHead(404).end();
          return;
        }
        const asked = JSON.parse(text) as (typeof said)[number];
        if (refusals > 0) {
          refusals -= 1;
          // As ECS says it of a task that is being stopped: with status 200.
          response.end(JSON.stringify({ failure: { Reason: 'TASK_NOT_VALID' } }));
          return;
        }
        said.push(asked);
        response.end(JSON.stringify({ protection: { ProtectionEnabled: asked.ProtectionEnabled } }));
      });
    });
    await new Promise<void>((resolve) => agent.listen(0, '127.0.0.1', resolve));
    uri = `http://127.0.0.1:${(agent.address() as AddressInfo).port}/api/a`;
  });
  afterEach(async () => {
    agent.closeAllConnections();
    await new Promise((resolve) => agent.close(resolve));
  });

  test('is on while a job runs, and off when none does', async () => {
    await enqueue('a', 'b');
    const on: (boolean | undefined)[] = [];
    await worked(sqs, uri, () => void on.push(said.at(-1)?.ProtectionEnabled));
    expect(on).toEqual([true, true]);
    expect(said.map(({ ProtectionEnabled }) => ProtectionEnabled)).toEqual([true, false, true, false]);
    expect(said[0]?.ExpiresInMinutes).toBe(120);
  });

  test('stays on until the last of several jobs has ended, and is prolonged', async () => {
    const protection = taskProtection({ ECS_AGENT_URI: uri }, { renewEveryMs: 50 });
    await Promise.all([protection.begin(), protection.begin()]);
    await protection.end();
    await sleep(200);
    expect(said.length).toBeGreaterThan(2);
    expect(said.every(({ ProtectionEnabled }) => ProtectionEnabled)).toBe(true);
    await protection.end();
    expect(said.at(-1)?.ProtectionEnabled).toBe(false);
    const { length } = said;
    await sleep(150);
    expect(said).toHaveLength(length);
  });

  test('is asked for before a job begins: in a task that is being stopped none does', async () => {
    refusals = 3;
    await enqueue('a');
    const lines = jest.spyOn(process.stdout, 'write').mockReturnValue(true);
    const at: number[] = [];
    await worked(sqs, uri, () => void at.push(refusals));
    const text = lines.mock.calls.map(([line]) => String(line)).join('');
    lines.mockRestore();
    expect(at).toEqual([0]);
    expect(text).toContain('task not protected');
  });
});
