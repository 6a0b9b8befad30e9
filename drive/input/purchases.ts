import { createReadStream } from 'node:fs';
import { join } from 'node:path';
import { createGunzip } from 'node:zlib';
import { InputError } from '../drive-error.js';

/** One line of the purchase history, as a payment. */
export interface Purchase {
  /** By line, so that every run gives a line the same id: `cdnow-00001` is the first purchase. */
  readonly paymentId: string;
  /** Customer id as in the data, leading zeros kept. */
  readonly customer: string;
  /** YYYY-MM-DD */
  readonly purchasedOn: string;
  readonly cds: number;
  readonly cents: number;
}

/** How many purchases drive/data/CDNOW_master.txt.gz holds. */
export const purchaseCount = 69_659;

export const purchaseFile = join(__dirname, '..', 'data', 'CDNOW_master.txt.gz');

/**
 * Reads the purchase history line by line, never the whole file; the header line is left out. Lines that repeat an
 * earlier one to the letter are purchases of their own: 255 of them are in the data.
 *
 * @param limit stop after this many purchases. @default - all
 * @throws InputError at the first line that is no purchase
 */
export async function* readPurchases(limit: number = purchaseCount): AsyncGenerator<Purchase> {
  let number = 0;
  for await (const line of gzipLines(purchaseFile)) {
    number += 1;
    if (number === 1) continue;
    if (number - 1 > limit) return;
    yield parsePurchase(line, number);
  }
}

/**
 * @param line without its line end: `customer date cds dollars`, separated by white space
 * @param lineNumber counted from 1, the header included
 * @throws InputError
 */
export function parsePurchase(line: string, lineNumber: number): Purchase {
  const refuse = (problem: string) => new InputError(lineNumber, line, problem);
  const fields = line.trim().split(/\s+/);
  const [customer, date, cds, dollars] = fields;
  if (
    fields.length !== 4 ||
    customer === undefined ||
    date === undefined ||
    cds === undefined ||
    dollars === undefined
  )
    throw refuse(`${fields.length} fields instead of 4`);
  const day = /^(\d{4})(\d{2})(\d{2})$/.exec(date);
  if (!/^\d+$/.test(customer)) throw refuse('the customer is no number');
  if (day === null) throw refuse('the date is not YYYYMMDD');
  if (!/^\d+$/.test(cds)) throw refuse('the number of CDs is no number');
  const cents = centsOf(dollars);
  if (cents === undefined) throw refuse('the amount is not dollars with two decimals');
  return {
    paymentId: `cdnow-${String(lineNumber - 1).padStart(5, '0')}`,
    customer,
    purchasedOn: day.slice(1).join('-'),
    cds: Number(cds),
    cents,
  };
}

/** Exact: `0.29 * 100` is 28.999999999999996, so the digits are joined before they become a number. */
function centsOf(dollars: string): number | undefined {
  const digits = /^(\d{1,13})\.(\d{2})$/.exec(dollars);
  return digits === null ? undefined : Number(`${digits[1] ?? ''}${digits[2] ?? ''}`);
}

async function* gzipLines(file: string): AsyncGenerator<string> {
  const source = createReadStream(file);
  const text = createGunzip();
  text.setEncoding('utf8');
  // pipe() does not carry errors over: without this a missing file would end the process.
  source.on('error', (error) => text.destroy(error));
  source.pipe(text);
  let rest = '';
  try {
    for await (const chunk of text as AsyncIterable<string>) {
      const lines = (rest + chunk).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) yield line.replace(/\r$/, '');
    }
    if (rest !== '') yield rest.replace(/\r$/, '');
  } finally {
    source.destroy();
    text.destroy();
  }
}
