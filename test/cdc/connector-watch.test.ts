import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { ConnectorFailed, ConnectorWatch, ConnectRest } from '../../runtime/cdc/connect/index.js';

const mine = '10.0.1.7:8083';
const other = '10.0.2.9:8083';

/** As Connect answers for a connector, as far as it is looked after. */
class PlayedConnect {
  states: readonly (readonly [state: string, worker: string])[] = [];
  config: object | undefined;
  /** Answers with 409 so often before anything else. */
  busy = 0;
  readonly asked: string[] = [];
  readonly #server: Server;

  constructor() {
    this.#server = createServer((request, answer) => {
      let body = '';
      request.on('data', (chunk: Buffer) => (body += chunk.toString()));
      request.on('end', () => {
        const [status, said] = this.#answer(request.method ?? '', request.url ?? '', body);
        answer.writeHead(status).end(JSON.stringify(said));
      });
    });
  }

  async open(): Promise<ConnectRest> {
    await new Promise<void>((listening) => this.#server.listen(0, '127.0.0.1', listening));
    return new ConnectRest(`http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`);
  }

  async close(): Promise<void> {
    await new Promise((closed) => this.#server.close(closed));
  }

  #answer(method: string, url: string, body: string): [number, object] {
    if (this.busy > 0) {
      this.busy -= 1;
      return [409, { message: 'a rebalance is under way' }];
    }
    if (method !== 'GET') this.asked.push(`${method} ${url}`);
    if (method === 'PUT') this.config = { ...(JSON.parse(body) as object), name: 'shop' };
    if (url.endsWith('/config')) return this.config === undefined ? [404, {}] : [200, this.config];
    const parts = this.states.map(([state, worker_id]) => ({ state, worker_id, trace: 'because\nof it' }));
    const [connector, ...tasks] = parts;
    return connector === undefined ? [404, {}] : [200, { connector, tasks }];
  }
}

describe('who looks after a connector', () => {
  const connect = new PlayedConnect();
  let rest: ConnectRest;
  beforeAll(async () => {
    rest = await connect.open();
  });
  afterAll(() => connect.close());
  beforeEach(() => {
    connect.asked.length = 0;
  });
  const watch = (mostRestarts?: number) =>
    new ConnectorWatch({
      rest,
      connector: 'shop',
      config: { 'tasks.max': '1' },
      workerId: mine,
      mostRestarts,
    });
  const restarted = ['POST /connectors/shop/restart?includeTasks=true&onlyFailed=true'];

  test('registers it once, asks a busy worker again, and tells nothing to one that knows it', async () => {
    connect.busy = 2;
    expect(await watch().register()).toBe(true);
    expect(await watch().register()).toBe(false);
    expect(connect.asked).toEqual(['PUT /connectors/shop/config']);
    connect.config = { 'tasks.max': '2', name: 'shop' };
    expect(await watch().register()).toBe(true);
    expect(connect.config).toEqual({ 'tasks.max': '1', name: 'shop' });
  });

  test('starts what failed in its own worker again, and leaves to the others what is theirs', async () => {
    connect.states = [
      ['RUNNING', other],
      ['FAILED', other],
    ];
    expect(await watch().look()).toEqual({ notRunning: 1, restarts: 0 });
    expect(connect.asked).toEqual([]);
    connect.states = [
      ['RUNNING', other],
      ['FAILED', mine],
    ];
    expect(await watch().look()).toEqual({ notRunning: 1, restarts: 1 });
    expect(connect.asked).toEqual(restarted);
  });

  test('says of a connector without a task, and of one that is not there, that it does not run', async () => {
    connect.states = [['RUNNING', mine]];
    expect(await watch().look()).toEqual({ notRunning: 1, restarts: 0 });
    connect.states = [];
    expect(await watch().look()).toEqual({ notRunning: 1, restarts: 0 });
    connect.states = [
      ['RUNNING', other],
      ['RUNNING', mine],
    ];
    expect(await watch().look()).toEqual({ notRunning: 0, restarts: 0 });
  });

  test('ends the worker in which it fails again and again, with what it says', async () => {
    connect.states = [
      ['RUNNING', mine],
      ['FAILED', mine],
    ];
    const watching = watch(2);
    await watching.look();
    await watching.look();
    const failed = await watching.look().catch((error: unknown) => error);
    expect(failed).toBeInstanceOf(ConnectorFailed);
    expect((failed as ConnectorFailed).message).toContain('because; of it');
    expect(connect.asked).toEqual([...restarted, ...restarted]);
  });
});
