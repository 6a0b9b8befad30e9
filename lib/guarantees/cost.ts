import { prices } from './prices.js';

/** One part of the cost of a million. */
export interface CostLine {
  readonly part: string;
  /** The arithmetic, with `b` for the messages of a batch. */
  readonly how: string;
  /** US dollars, when every batch is full. */
  readonly full: number;
  /** US dollars, when everything comes alone. */
  readonly alone: number;
}

/** What a million of something costs. */
export interface Cost {
  /** Of what, such as `messages`. */
  readonly per: 'messages' | 'jobs' | 'requests' | 'events';
  /** Of a full batch. 1: there are no batches. */
  readonly batchSize: number;
  readonly lines: readonly CostLine[];
}

/** Stated in the report: nothing at synth knows them. */
export const assumed = {
  batchSeconds: 0.05,
  receiptBytes: 300,
  logBytesPerBatch: 700,
} as const;

/** What the memory and the processor of a function cost. */
export interface FunctionCost {
  readonly memoryMegabytes: number;
  readonly arm: boolean;
}

/** Requests to a queue: each message is sent by itself, a batch is received and deleted at once. */
export function queueLine(fifo: boolean, batchSize: number): CostLine {
  const request = fifo
    ? prices.millionFifoRequests
    : prices.millionStandardRequests + prices.millionFairRequests;
  return perBatch(
    'SQS requests',
    `${exactly(request)} x (1 to send + 2 / b to receive and delete)`,
    (batches) => request * (1 + 2 * batches),
    batchSize,
  );
}

/** Invocations, and how long they run. */
export function invocationLine(
  { memoryMegabytes, arm }: FunctionCost,
  batchSize: number,
  seconds: number = assumed.batchSeconds,
): CostLine {
  const gigabytes = memoryMegabytes / 1024;
  const second = arm ? prices.armGigabyteSecond : prices.x86GigabyteSecond;
  const million = prices.millionInvocations + 1_000_000 * gigabytes * seconds * second;
  return perBatch(
    'Lambda',
    `1 / b x (${exactly(prices.millionInvocations)} + 1,000,000 x ${tidy(gigabytes)} GB x ${seconds} s x ${exactly(second)}), ${arm ? 'arm64' : 'x86_64'}`,
    (batches) => million * batches,
    batchSize,
  );
}

export function logLine(batchSize: number): CostLine {
  const gigabytes = (1_000_000 * assumed.logBytesPerBatch) / 1e9;
  return perBatch(
    'CloudWatch Logs',
    `1 / b x ${tidy(gigabytes)} GB (${assumed.logBytesPerBatch} bytes a batch) x ${exactly(prices.logGigabyte)}`,
    (batches) => gigabytes * prices.logGigabyte * batches,
    batchSize,
  );
}

/** @param parts write units of one, with what they are for */
export function writeLine(parts: readonly (readonly [units: number, what: string])[]): CostLine {
  const units = parts.reduce((sum, [some]) => sum + some, 0);
  const named = parts.filter(([some]) => some > 0).map(([some, what]) => `${tidy(some)} ${what}`);
  return flat(
    'DynamoDB writes',
    `${tidy(units)} write unit${units === 1 ? '' : 's'} (${named.join(', ')}) x ${exactly(prices.millionWriteUnits)}`,
    units * prices.millionWriteUnits,
  );
}

/** Such as `for 3 items of 2`. */
export function itemsText(items: number, units: number): string {
  return `for ${tidy(items)} item${items === 1 ? '' : 's'} of ${tidy(units)}`;
}

/** Rows of 300 bytes that are kept for some days. */
export function storageLine(part: string, days: number): CostLine {
  const gigabytes = (1_000_000 * assumed.receiptBytes) / 1e9;
  return flat(
    part,
    `${tidy(gigabytes)} GB (${assumed.receiptBytes} bytes each) x ${tidy(days)} days / ${averageMonthDays.toFixed(2)} x ${exactly(prices.gigabyteMonth)}, with continuous backup`,
    gigabytes * (days / averageMonthDays) * prices.gigabyteMonth,
  );
}

/** A part that hangs on no batch. */
export function flat(part: string, how: string, dollars: number): CostLine {
  return { part, how, full: dollars, alone: dollars };
}

/** US dollars of a million in full batches, and alone. */
export function totalOf({ lines }: Cost): Pick<CostLine, 'full' | 'alone'> {
  const sum = (column: 'full' | 'alone') => lines.reduce((total, line) => total + line[column], 0);
  return { full: sum('full'), alone: sum('alone') };
}

export function dollars(amount: number): string {
  return `$${amount.toFixed(2)}`;
}

/** With all the digits that the price has. */
export function exactly(price: number): string {
  const digits = String(Number(price.toPrecision(6)));
  return price >= 0.01 && price < 1000
    ? `$${Number(digits).toFixed(Math.max(2, decimals(digits)))}`
    : `$${digits}`;
}

export function tidy(value: number): string {
  return String(Math.round(value * 1000) / 1000);
}

export const averageMonthDays = 365.25 / 12;

function decimals(digits: string): number {
  return digits.split('.')[1]?.length ?? 0;
}

function perBatch(
  part: string,
  how: string,
  cost: (batchesPerMessage: number) => number,
  batchSize: number,
): CostLine {
  return { part, how, full: cost(1 / batchSize), alone: cost(1) };
}
