import { chargesOf } from '../../drive/audit/charges.js';

const journal = [
  { paymentId: '1', customer: 'ann', cents: 100 },
  { paymentId: '2', customer: 'ann', cents: 50 },
  { paymentId: '3', customer: 'bob', cents: 7 },
  { paymentId: '4', customer: 'cyd', cents: 20 },
];

function charges(balances: Record<string, bigint>) {
  const accounts = new Map(
    Object.entries(balances).map(([name, balance]) => [name, { balance, payments: 1n }]),
  );
  return chargesOf(journal, { accounts, payments: new Map(), shop: { credit: 0n, payments: 0n } });
}

test('accounts that pay what was bought differ in nothing', () => {
  const none = { customers: 0, cents: 0n };
  expect(charges({ ann: -150n, bob: -7n, cyd: -20n })).toEqual({ tooMuch: none, tooLittle: none });
});

test('each way is told by itself, and never set off against the other', () => {
  expect(charges({ ann: -300n, bob: -14n })).toEqual({
    tooMuch: { customers: 2, cents: 157n },
    tooLittle: { customers: 1, cents: 20n },
  });
});

test('a customer who bought nothing is charged too much', () => {
  expect(charges({ ann: -150n, bob: -7n, cyd: -20n, eve: -3n }).tooMuch).toEqual({ customers: 1, cents: 3n });
});
