import type { Api } from '../../runtime/api/index.js';
import { table } from '../../runtime/dynamodb/index.js';
import { dynamo, newTable, row } from '../fixtures/dynamo.js';
import { limits, paymentsApi, request, type Names, type Shape } from './payments.js';

export { once } from './stores.js';

/** What tests ask that are of DynamoDB alone: one API of payments, with tables of the importing test file's own. */
export const client = dynamo();
export let names: Names;
let api: Api;
beforeAll(async () => {
  const [receipts, accounts] = await Promise.all([newTable(client, 'id'), newTable(client, 'account')]);
  names = { receipts: receipts.name, accounts: accounts.name };
  api = paymentsApi(names, client);
});
afterAll(() => client.destroy());

export const ask = (shape: Shape, on = api) => on(request(shape), limits());
export const payments = async (account: string) =>
  (await row(client, table({ name: names.accounts, partitionKey: 'account' }), { account }))?.payments;
