import { apiReceiptId, authenticatedCaller } from '../../runtime/api/index.js';
import { apiConditions } from '../../runtime/dynamodb/conditions.js';
import { ask as askDynamo, payments as paymentsOnDynamo } from './contract-world.js';
import { day } from './payments.js';
import { once, onEachStore } from './stores.js';

type Asked = ReturnType<typeof once>;

/** The id of the receipt of a request, as who erases answers makes it. */
function receiptOf({ key }: Asked): string {
  const caller = authenticatedCaller({ claims: { iss: 'https://issuer.example', sub: 'alice' } }) ?? '';
  return apiReceiptId({ apiName: 'payments', caller, method: 'POST', path: '/payments', key });
}

onEachStore(({ api, ask, payments, store }) => {
  async function processed(): Promise<Asked> {
    const asked = once();
    expect((await ask(asked)).status).toBe(201);
    return asked;
  }
  const again = async (asked: Asked) => ask(asked);
  const paid = async ({ account }: Asked) => payments(account);
  const left = async (asked: Asked) => store().left(receiptOf(asked));
  const endsIn = async (asked: Asked, seconds: number) => store().endsIn(receiptOf(asked), seconds);

  test('within the window a key suppresses to its last minute, and a replay does not lengthen it', async () => {
    const asked = await processed();
    expect(await left(asked)).toBeGreaterThan(day - 60);
    await endsIn(asked, 60);
    expect((await again(asked)).headers).toHaveProperty('idempotent-replayed');
    expect(await left(asked)).toBeLessThanOrEqual(60);
    expect(await paid(asked)).toBe(1);
  });

  test('after the window it is a new key, though DynamoDB has not deleted the row: once, for another window', async () => {
    const asked = await processed();
    await endsIn(asked, -2);
    const renewed = await Promise.all(Array.from({ length: 20 }, () => again(asked)));
    expect(new Set(renewed.map(({ body }) => body)).size).toBe(1);
    expect(renewed.filter(({ headers }) => 'idempotent-replayed' in headers)).toHaveLength(19);
    expect(await paid(asked)).toBe(2);
    expect(await left(asked)).toBeGreaterThan(day - 60);
  });

  test('after the window another payload may use the key', async () => {
    const asked = await processed();
    await endsIn(asked, -2);
    const other = { ...asked, body: { ...asked.body, cents: 6 } };
    expect((await ask(other)).status).toBe(201);
    expect((await again(asked)).status).toBe(422);
  });

  test('who throws in the new window is not answered from the old one', async () => {
    const asked = await processed();
    await endsIn(asked, -2);
    const throwing = api({
      handle: () => {
        throw new Error('no');
      },
    });
    expect((await ask(asked, throwing)).status).toBe(500);
    expect((await again(asked)).headers).not.toHaveProperty('idempotent-replayed');
  });
});

test('mutant: were the condition of keys always true, a key would act twice', async () => {
  const original = apiConditions.receiptAbsentOrExpired;
  apiConditions.receiptAbsentOrExpired = `(${original}) OR NOT (${original})`;
  try {
    const asked = once();
    await askDynamo(asked);
    await askDynamo(asked);
    expect(await paymentsOnDynamo(asked.account)).toBe(2);
  } finally {
    apiConditions.receiptAbsentOrExpired = original;
  }
});
