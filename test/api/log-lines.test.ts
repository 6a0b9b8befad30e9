import { randomUUID } from 'node:crypto';
import { logRequest, type IdempotentApiOptions } from '../../runtime/api/index.js';
import type { PaymentBody } from './payments.js';
import { pay, paymentsApi, type Shape } from './payments.js';
import { table } from '../../runtime/dynamodb/index.js';
import { ask, client, names } from './contract-world.js';

const written: string[] = [];
let stop: () => void = () => undefined;
beforeAll(() => {
  const spy = jest.spyOn(process.stdout, 'write').mockImplementation((text) => {
    written.push(String(text));
    return true;
  });
  stop = () => spy.mockRestore();
});
afterAll(() => {
  stop();
});

const secret = 'ada-4711';
const key = () => `${secret}-${randomUUID()}`;
const sent = { account: secret, cents: 5, [secret]: secret };
const ours = (more: Partial<IdempotentApiOptions<PaymentBody>> = {}) =>
  paymentsApi(names, client, { observe: logRequest, ...more });
const throwing = (error: unknown) =>
  ours({
    handle: () => {
      throw error;
    },
  });

test.each<[string, Shape, () => ReturnType<typeof ours>]>([
  ['a request that acts', {}, () => ours()],
  ['a key that is malformed', { key: `${secret} "` }, () => ours()],
  ['a body that does not fit', { body: { account: 5, [secret]: secret, cents: secret } }, () => ours()],
  ['a body that is no JSON', { body: Buffer.from(`{"${secret}`) }, () => ours()],
  [
    'a number that cannot be kept',
    { body: Buffer.from(`{"${secret}":0.12345678901234567890}`) },
    () => ours(),
  ],
  ['a caller that nobody knows', { caller: '' }, () => ours()],
  ['a handler that throws what it was sent', {}, () => throwing(new Error(secret))],
  ['and behind a line break', {}, () => throwing(new Error(`a\n    at ${secret}`))],
  ['and as the cause', {}, () => throwing(new Error('no', { cause: new Error(secret) }))],
  ['a handler that throws text', {}, () => throwing(secret)],
  [
    'a condition that fails',
    {},
    () =>
      ours({
        handle: (keyed, tx) => {
          tx.insert(table({ name: names.accounts, partitionKey: 'account' }), { account: secret });
          return pay(names, { ...keyed, body: { ...keyed.body, account: randomUUID() } }, tx);
        },
      }),
  ],
  [
    'a table that is not there',
    {},
    () => paymentsApi({ ...names, accounts: 'none' }, client, { observe: logRequest }),
  ],
])('no key, body, item key or caller is in the log line of %s', async (_what, shape, makeApi) => {
  const api = makeApi();
  written.length = 0;
  const mine = key();
  await ask({ key: mine, body: sent, caller: secret, ...shape }, api);
  await ask({ key: mine, body: { ...sent, cents: 6 }, caller: secret, ...shape }, api);
  const lines = written.join('');
  expect(written).toHaveLength(2);
  expect(lines).toContain('"exactlyOnce":"request"');
  expect(lines).not.toContain(secret);
});
