import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { TransactWriteItemsCommand, type DynamoDBClient } from '@aws-sdk/client-dynamodb';
import type { RequestSummary } from '../../runtime/api/index.js';
import { InProcessDynamo } from '../model/in-process-dynamo.js';
import { limits, paymentsApi, request } from './payments.js';
import { once, onEachStore } from './stores.js';

const parallel = 200;

onEachStore(({ api, payments }) => {
  test(`${parallel} calls at once with one key: one payment, identical answers`, async () => {
    const summaries: RequestSummary[] = [];
    const on = api({}, { summaries });
    const { account, key, body } = once();
    const answers = await Promise.all(
      Array.from({ length: parallel }, () => on(request({ key, body }), limits())),
    );
    expect(new Set(answers.map(({ status, body }) => `${status} ${body.toString()}`)).size).toBe(1);
    expect(answers[0]?.status).toBe(201);
    expect(await payments(account)).toBe(1);
    expect(summaries.filter(({ outcome }) => outcome === 'processed')).toHaveLength(1);
    expect(summaries.filter(({ outcome }) => outcome === 'replayed')).toHaveLength(parallel - 1);
  });
});

/** No local engine raises TransactionConflict: this one does (R18). The first to commit waits for the others. */
test('and where transactions conflict: one payment, the answer of the one that won or "not confirmed", and then that answer', async () => {
  const engine = new InProcessDynamo({ now: () => Date.now() });
  engine.tables.create('receipts', 'id');
  engine.tables.create('accounts', 'account');
  let conflicts = 0;
  let held = false;
  const send = async (command: { readonly input: object }): Promise<unknown> => {
    try {
      const running = engine.start(command);
      const holds = command instanceof TransactWriteItemsCommand && !held;
      held ||= holds;
      if (holds) while (conflicts < parallel - 1) await sleep(1);
      return running.finish();
    } catch (error) {
      if (JSON.stringify(error).includes('TransactionConflict')) conflicts += 1;
      throw error;
    }
  };
  // The runtime uses nothing of a client but `send`.
  const conflicting = { send } as unknown as DynamoDBClient;
  const api = paymentsApi({ receipts: 'receipts', accounts: 'accounts' }, conflicting);
  const same = { key: randomUUID(), body: { account: 'a', cents: 5 } };
  const answers = await Promise.all(Array.from({ length: parallel }, () => api(request(same), limits())));
  const settled = answers.filter(({ status }) => status === 201);
  expect(new Set(settled.map(({ body }) => body)).size).toBe(1);
  for (const answer of answers)
    if (answer.status !== 201) expect(answer).toMatchObject({ status: 503, headers: { 'retry-after': '1' } });
  expect((await api(request(same), limits())).body).toBe(settled[0]?.body);
  const accounts = engine.tables.get('accounts');
  expect(accounts.read(accounts.rowId({ account: { S: 'a' } }))?.payments).toEqual({ N: '1' });
});
