import { randomUUID } from 'node:crypto';
import type { Api, ApiResponse, RequestSummary } from '../../runtime/api/index.js';
import { table, type Transaction } from '../../runtime/dynamodb/index.js';
import { dynamo, newTable, row } from '../fixtures/dynamo.js';
import { limits, pay, paymentsApi, request, type Names, type Shape } from './payments.js';

/** What the tests of the contract ask: one API of payments, with tables of the importing test file's own. */
export const client = dynamo();
export let names: Names;
export const summaries: RequestSummary[] = [];
let api: Api;
beforeAll(async () => {
  const [receipts, accounts] = await Promise.all([newTable(client, 'id'), newTable(client, 'account')]);
  names = { receipts: receipts.name, accounts: accounts.name };
  api = paymentsApi(names, client, {}, summaries);
});
afterAll(() => client.destroy());

export const ask = (shape: Shape, on = api) => on(request(shape), limits());
export const payments = async (account: string) =>
  (await row(client, table({ name: names.accounts, partitionKey: 'account' }), { account }))?.payments;
export const once = () => {
  const account = randomUUID();
  return { account, key: randomUUID(), body: { account, cents: 5 } };
};
/** An API whose handler answers as told, and counts each commit. */
export const answering = (answer: (body: { account: string }, tx: Transaction) => ApiResponse, more = {}) =>
  paymentsApi(names, client, {
    handle: (keyed, tx) => {
      pay(names, keyed, tx);
      return answer(keyed.body, tx);
    },
    ...more,
  });
