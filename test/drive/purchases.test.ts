import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import {
  parsePurchase,
  type Purchase,
  purchaseCount,
  purchaseFile,
  readPurchases,
} from '../../drive/input/purchases.js';
import { collect } from './collect.js';

describe('the purchase history', () => {
  let purchases: Purchase[];
  beforeAll(async () => {
    purchases = await collect(readPurchases());
  });

  test('holds 69,659 purchases of 23,570 customers worth 250,031,563 cents', () => {
    expect(purchases).toHaveLength(69_659);
    expect(purchaseCount).toBe(69_659);
    expect(new Set(purchases.map(({ customer }) => customer)).size).toBe(23_570);
    expect(total(purchases)).toBe(250_031_563);
  });

  test('the busiest customer has 217 purchases, 80 cost nothing, the largest 1,286.01', () => {
    const perCustomer = new Map<string, number>();
    for (const { customer } of purchases) perCustomer.set(customer, (perCustomer.get(customer) ?? 0) + 1);
    expect(Math.max(...perCustomer.values())).toBe(217);
    expect(purchases.filter(({ cents }) => cents === 0)).toHaveLength(80);
    expect(Math.max(...purchases.map(({ cents }) => cents))).toBe(128_601);
  });

  test('content-based deduplication would lose 255 real purchases worth 433,288 cents', () => {
    const seen = new Set<string>();
    const lost = purchases.filter(({ customer, purchasedOn, cds, cents }) => {
      // What SQS would derive as the deduplication id if it were left to the body.
      const contentId = createHash('sha256')
        .update(JSON.stringify([customer, purchasedOn, cds, cents]))
        .digest('hex');
      const repeats = seen.has(contentId);
      seen.add(contentId);
      return repeats;
    });
    expect(lost).toHaveLength(255);
    expect(total(lost)).toBe(433_288);
    expect(new Set(purchases.map(({ paymentId }) => paymentId)).size).toBe(69_659);
  });

  test('every line is one purchase, in the order of the file', () => {
    const [header, ...lines] = gunzipSync(readFileSync(purchaseFile)).toString().trimEnd().split('\r\n');
    expect(header).toMatch(/customer_id/);
    expect(lines).toHaveLength(purchases.length);
    const different = lines.filter((line, index) => {
      const { customer, purchasedOn, cds, cents } = purchases[index]!;
      const dollars = `${Math.floor(cents / 100)}.${String(cents % 100).padStart(2, '0')}`;
      return (
        [customer, purchasedOn.replaceAll('-', ''), cds, dollars].join(' ') !==
        line.trim().split(/\s+/).join(' ')
      );
    });
    expect(different).toEqual([]);
  });

  test('a limit reads the first ones only', async () => {
    expect(await collect(readPurchases(3))).toEqual(purchases.slice(0, 3));
    expect(purchases[0]).toEqual({
      ...{ paymentId: 'cdnow-00001', customer: '00001', purchasedOn: '1997-01-01', cds: 1, cents: 1177 },
    });
  });
});

test.each([
  ['0.29', 29],
  ['4.35', 435],
  ['1286.01', 128_601],
  ['9007199254.99', 900_719_925_499],
])('%s dollars are exactly %i cents', (dollars, cents) => {
  expect(parsePurchase(` 00001 19970101  1   ${dollars}`, 2).cents).toBe(cents);
});

test.each([
  ['00001 19970101 1', '3 fields instead of 4'],
  ['00001 19970101 1 11.7', 'two decimals'],
  ['00001 19970101 1 -1.00', 'two decimals'],
  ['00001 1997-01-01 1 1.00', 'YYYYMMDD'],
  ['00001 19970101 one 1.00', 'number of CDs'],
  ['x 19970101 1 1.00', 'customer'],
])('refuses %j and names the line', (line, problem) => {
  let error: unknown;
  try {
    parsePurchase(line, 17);
  } catch (thrown) {
    error = thrown;
  }
  expect(error).toMatchObject({ name: 'InputError', line: 17, text: line });
  expect(String(error)).toContain(problem);
});

function total(purchases: readonly Purchase[]): number {
  return purchases.reduce((sum, { cents }) => sum + cents, 0);
}
