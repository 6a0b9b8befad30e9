import { GetFunctionCommand, ResourceNotFoundException, type LambdaClient } from '@aws-sdk/client-lambda';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { waitUntilActive } from '../../../targets/event-source/active.js';
import { FunctionNotActiveError } from '../../../targets/event-source/errors.js';
import { startEventSourceRunner } from '../../../targets/event-source/index.js';
import { embedded } from '../../fixtures/embedded.js';
import { Lab } from '../kit/lab.js';

const target = embedded();
const lab = new Lab(target);
beforeAll(() => lab.open());
afterEach(() => lab.clear());
afterAll(() => lab.close());

/** In front of the target, which makes a function at once: it says `Pending` twice, and notes what is called. */
async function pendingTwice() {
  const calls: string[] = [];
  const server = createServer((request, response) => {
    void (async () => {
      const { method = '', url = '', headers } = request;
      const chunks: Buffer[] = [];
      for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
      const body = Buffer.concat(chunks);
      const asked = method === 'GET' && /^\/2015-03-31\/functions\/[^/]+$/.test(url);
      if (asked || url.includes('/invocations')) calls.push(asked ? 'state' : 'invoke');
      if (asked && calls.length <= 2) {
        response.setHeader('content-type', 'application/json');
        response.end(JSON.stringify({ Configuration: { State: 'Pending' } }));
        return;
      }
      const own = ['host', 'connection', 'content-length'];
      const kept = Object.entries(headers).filter(([name]) => !own.includes(name));
      const answer = await fetch(`${target.endpoint}${url}`, {
        method,
        headers: Object.fromEntries(kept) as Record<string, string>,
        ...(body.length > 0 && { body }),
      });
      const passed = [...answer.headers].filter(([name]) => /^(content-type|x-amz)/.test(name));
      response.writeHead(answer.status, Object.fromEntries(passed));
      response.end(Buffer.from(await answer.arrayBuffer()));
    })();
  });
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    calls,
    endpoint: `http://127.0.0.1:${port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(resolve).closeAllConnections();
      }),
  };
}

/** States one after the other, the last one for ever. */
function lambdaWith(...states: (string | undefined)[]): LambdaClient {
  const send = (command: unknown) => {
    if (!(command instanceof GetFunctionCommand)) throw new Error('not played');
    const State = states.length > 1 ? states.shift() : states[0];
    if (State === 'gone')
      return Promise.reject(new ResourceNotFoundException({ message: 'gone', $metadata: {} }));
    return Promise.resolve({ Configuration: { State, StateReason: 'because' } });
  };
  return { send } as unknown as LambdaClient;
}

const arn = 'arn:aws:lambda:us-east-1:000000000000:function:slow';

test('a function that is being made is not invoked before it is Active', async () => {
  const bench = await lab.bench({ behaviour: () => undefined });
  await bench.send({ body: 'a' });
  const { calls, endpoint, close } = await pendingTwice();
  try {
    const runner = await startEventSourceRunner(
      { ...target, client: { ...target.client, endpoint } },
      { functionNames: [bench.name] },
    );
    await runner.idle(100);
    await runner.stop();
    expect(calls).toEqual(['state', 'state', 'state', 'invoke']);
  } finally {
    await close();
  }
});

test('a function without a state, an inactive one and one that is gone are not waited for', async () => {
  for (const state of ['Inactive', undefined, 'gone'])
    await expect(waitUntilActive(lambdaWith(state), arn, { pauseMs: 1 })).resolves.toBeUndefined();
});

test('a function that could not be made ends the start with the reason', async () => {
  await expect(waitUntilActive(lambdaWith('Pending', 'Failed'), arn, { pauseMs: 1 })).rejects.toThrow(
    new FunctionNotActiveError(arn, 'Failed', 'because'),
  );
  await expect(waitUntilActive(lambdaWith('Pending'), arn, { pauseMs: 1, atMostMs: 5 })).rejects.toThrow(
    `function ${arn} is Pending, must be Active before its mapping is played: because`,
  );
});
