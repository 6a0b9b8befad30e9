import { CsvError, parse } from 'csv-parse/sync';
import type { Purchase } from './purchases.js';

/** Why a line is no payment. */
export class LineProblem extends Error {
  override readonly name = 'LineProblem';
}

/**
 * @param header the names of a CSV file's fields. @default - the line is a JSON object
 * @throws LineProblem
 */
export function paymentOf(line: string, header: readonly string[] | undefined): Purchase {
  const given = header === undefined ? jsonObject(line) : csvObject(line, header);
  const customer = textOf(given, 'customer');
  const paymentId = textOf(given, 'id');
  const purchasedOn = textOf(given, 'purchasedOn');
  // As the API has them: the id travels in a header.
  if (!/^[\x21-\x7E]{1,255}$/.test(paymentId))
    throw new LineProblem(`id '${paymentId}' is not 1 to 255 visible ASCII characters without spaces`);
  if (!/^[A-Za-z0-9_.-]{1,64}$/.test(customer))
    throw new LineProblem(`customer '${customer}' is not 1 to 64 letters, digits, '_', '.' or '-'`);
  if (!isDate(purchasedOn)) throw new LineProblem(`purchasedOn '${purchasedOn}' is no date like 1997-01-31`);
  return { paymentId, customer, purchasedOn, cds: cdsOf(given['cds']), cents: centsOf(given) };
}

/** RFC 4180, without line ends in fields. Undefined when quotes do not match. */
export function csvFields(line: string): string[] | undefined {
  try {
    return parse(line, { columns: false, trim: true, relax_column_count: true })[0];
  } catch (error) {
    if (error instanceof CsvError) return undefined;
    throw error;
  }
}

type Given = Readonly<Record<string, unknown>>;

function jsonObject(line: string): Given {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    throw new LineProblem('no JSON');
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new LineProblem('no JSON object');
  return value as Given;
}

function csvObject(line: string, header: readonly string[]): Given {
  const fields = csvFields(line);
  if (fields === undefined) throw new LineProblem('quotes do not match');
  if (fields.length !== header.length)
    throw new LineProblem(`${fields.length} fields instead of the header's ${header.length}`);
  return Object.fromEntries(header.map((name, index) => [name, fields[index] || undefined]));
}

function textOf(given: Given, name: string): string {
  const value = given[name];
  if (value === undefined || value === null || value === '') throw new LineProblem(`no ${name}`);
  if (typeof value !== 'string' && typeof value !== 'number')
    throw new LineProblem(`${name} is neither text nor a number`);
  return String(value);
}

function isDate(text: string): boolean {
  if (!/^\d{4}-\d{2}-\d{2}$/.test(text)) return false;
  const date = new Date(`${text}T00:00:00Z`);
  return !Number.isNaN(date.getTime()) && date.toISOString().startsWith(text);
}

function cdsOf(value: unknown): number {
  if (value === undefined || value === null) return 1;
  const cds = Number(value);
  if (!Number.isSafeInteger(cds) || cds < 1)
    throw new LineProblem(`cds '${JSON.stringify(value)}' is no whole number from 1 on`);
  return cds;
}

function centsOf(given: Given): number {
  const [name, ...others] = ['cents', 'amount'].filter((field) => (given[field] ?? '') !== '');
  if (name === undefined) throw new LineProblem('neither cents nor amount');
  if (others.length > 0) throw new LineProblem('both cents and amount: give one');
  const text = textOf(given, name);
  // Digits are joined before they become a number: 0.29 * 100 is 28.999999999999996.
  const [, whole, decimals = ''] =
    (name === 'cents' ? /^(\d{1,15})$/ : /^(\d{1,13})(?:\.(\d{1,2}))?$/).exec(text) ?? [];
  if (whole === undefined)
    throw new LineProblem(
      name === 'cents'
        ? `cents '${text}' is no whole number from 0 on with at most 15 digits`
        : `amount '${text}' is not an amount from 0 on with at most two decimals, like 12.34`,
    );
  return Number(name === 'cents' ? whole : whole + decimals.padEnd(2, '0'));
}
